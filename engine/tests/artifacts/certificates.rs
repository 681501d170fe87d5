//! TLS certificates: verified, or the very one that a person pinned.

use std::io::Write;

use etiqa_engine::collect::Trust;
use etiqa_model::class::Class;
use etiqa_simulator::{DeviceSpec, HttpsSpec, Personality, SimulatedCa};

use crate::fetch::{Errand, Pinned, appliance, fetch, fetch_as};

fn unpinned() -> Errand {
    Errand { pinned: Pinned::Nothing, ..Errand::default() }
}

#[tokio::test]
async fn a_certificate_that_nobody_knows_is_refused_before_anything_secret_is_sent() {
    let device = appliance(DeviceSpec::new(Personality::BigIp)).await;
    let came = fetch_as(&device, "bigip", unpinned()).await;
    assert_eq!(came.class(), Class::TlsError);
    let sha256 = device.certificate_sha256().unwrap();
    assert_eq!(came.outcome.refused_certificate.as_ref(), Some(&sha256), "it can be shown to a person");
    let pair = format!("{}:{}", &sha256[..2], &sha256[2..4]).to_uppercase();
    let said = &came.outcome.message;
    assert!(
        said.contains("no authority that this program knows has signed it") && said.contains(&pair),
        "{said}"
    );
    assert!(device.calls().is_empty(), "{:?}", device.calls());
}

#[tokio::test]
async fn a_certificate_that_an_own_authority_has_signed_is_trusted() {
    let ca = SimulatedCa::new().unwrap();
    let spec = |ca: &SimulatedCa| DeviceSpec {
        https: Some(HttpsSpec::default().ca(ca)),
        ..DeviceSpec::new(Personality::Nios)
    };
    let device = appliance(spec(&ca)).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(ca.pem().as_bytes()).unwrap();
    let trusting = || Errand { trust: Trust::with_ca_file(file.path()).unwrap(), ..unpinned() };
    let came = fetch_as(&device, "nios", trusting()).await;
    assert_eq!(came.class(), Class::Ok, "{}", came.outcome.message);
    // Another authority's is not.
    let foreign = appliance(spec(&SimulatedCa::new().unwrap())).await;
    assert_eq!(fetch_as(&foreign, "nios", trusting()).await.class(), Class::TlsError);
}

#[tokio::test]
async fn a_pinned_certificate_that_changed_stops_the_errand() {
    let device = appliance(DeviceSpec::new(Personality::PanOs)).await;
    let pinned = Pinned::This(device.certificate_sha256().unwrap());
    assert_eq!(fetch(&device, "panos").await.class(), Class::Ok);
    device.new_certificate();
    let calls = device.calls().len();
    let came = fetch_as(&device, "panos", Errand { pinned, ..Errand::default() }).await;
    assert_eq!(came.class(), Class::TlsError);
    assert!(
        came.outcome.message.contains("another certificate than the pinned one"),
        "{}",
        came.outcome.message
    );
    assert_eq!(device.calls().len(), calls, "no request was sent");
    assert_eq!(came.outcome.refused_certificate, device.certificate_sha256());
}

#[test]
fn a_file_of_authorities_that_is_none_is_refused_with_a_sentence() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (text, said) in [("", "holds no certificate"), ("hello", "holds no certificate")] {
        file.write_all(text.as_bytes()).unwrap();
        let refused = Trust::with_ca_file(file.path()).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
    let missing = Trust::with_ca_file(std::path::Path::new("/no/such/file.pem")).unwrap_err();
    assert!(missing.contains("cannot be read"), "{missing}");
}
