# A mail server for the tests: aiosmtpd on a free port of loopback.
#
#   smtpd.py FOLDER [starttls|tls CERT KEY] [auth]
#
# Prints its port, writes each mail into FOLDER as N.eml with the envelope in its first lines. It refuses senders that begin
# with "stranger", receivers that begin with "nobody" (those that begin with "later" just now), and mails whose subject has
# "spam" in it. Ends when standard input does.
import asyncio
import os
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

folder = Path(sys.argv[1])
words = sys.argv[2:]


class Handler:
    count = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("stranger"):
            return "553 5.7.1 Sender address rejected"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 No such user here"
        if address.startswith("later"):
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"Subject: [Etiqa] spam" in envelope.content:
            return "554 5.7.1 This text is refused"
        Handler.count += 1
        head = f"X-From: {envelope.mail_from}\nX-To: {','.join(envelope.rcpt_tos)}\nX-TLS: {session.ssl is not None}\n"
        part = folder / f".{Handler.count}.part"
        part.write_bytes(head.encode() + envelope.content)
        part.rename(folder / f"{Handler.count}.eml")
        return f"250 2.0.0 Taken as {Handler.count}"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"etiqa" and data.password == b"mail-pass-7Qx"
    return AuthResult(success=good, handled=False)


settings = {}
if "auth" in words:
    settings = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
context = None
if words and words[0] in ("starttls", "tls"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(words[1], words[2])


async def main():
    loop = asyncio.get_running_loop()
    first = words[0] if words else ""
    starttls = {"tls_context": context, "require_starttls": True} if first == "starttls" else {}

    def session():
        return SMTP(Handler(), hostname="mail.test", loop=loop, **settings, **starttls)

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if first == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
