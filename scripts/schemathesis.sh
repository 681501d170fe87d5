#!/usr/bin/env bash
# Asks a server whatever its description allows, and what it does not: nothing may be answered with a 5xx, or otherwise than the
# description says. Bounded, and the same each time.
#
#   ETIQA_TOKEN=… schemathesis.sh OPENAPI_JSON URL
#
# What it leaves out: taking away the very token that it asks with, destinations and channels (it would write to whatever folder,
# and speak to whatever server it thinks of), and the endpoints of the Django edition, whose refusals are older than problems are.
set -euo pipefail
description=$1 url=$2
source "$(dirname "$0")/lib.sh" # leads to the project's folder

[ -x "$TOOLS/test-python/bin/schemathesis" ] || fail "schemathesis is missing: run scripts/install-test-tools.sh."
long=${ETIQA_TEST_LONG:+1}
# It keeps notes of its own where it stands.
mkdir -p target/schemathesis
cd target/schemathesis
exec "$TOOLS/test-python/bin/schemathesis" run "$description" --url "$url" \
  --header "Authorization: Bearer $ETIQA_TOKEN" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
  --phases examples,coverage,fuzzing --max-examples "$([ -n "$long" ] && echo 200 || echo 12)" \
  --exclude-operation-id token_revoke --exclude-operation-id token_edit \
  --exclude-operation-id destination_create --exclude-operation-id destination_edit \
  --exclude-operation-id channel_create --exclude-operation-id channel_edit \
  --exclude-path-regex '^/backup/' \
  --seed 20261127 --generation-deterministic --suppress-health-check all \
  --workers 2 --request-timeout 30 --warnings off --no-color
