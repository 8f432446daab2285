//! Settings read back as they are written, and inherit what they do not set.
#![no_main]

use consign_types::settings::{Settings, SettingsChange};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let [Ok(near), Ok(far)] = [texts.0, texts.1].map(serde_json::from_str::<Settings>) else { return };
    let written = serde_json::to_string(&near).expect("settings are texts and numbers");
    assert_eq!(serde_json::from_str::<Settings>(&written).ok().as_ref(), Some(&near), "{written}");

    if let Some(Err(error)) = near.duplicate_policy.as_ref().map(|setting| setting.policy()) {
        assert!(error.to_string().len() < 500, "{error}");
    }
    assert_eq!(near.clone().changed(SettingsChange::default()), near);
    assert_eq!(near.clone().or(near.clone()), near);
    let both = near.clone().or(far.clone());
    assert_eq!(both.clone().or(far.clone()), both);
    for name in both.names() {
        assert!(near.names().contains(&name) || far.names().contains(&name), "{name}");
    }
    assert!(near.names().iter().chain(&far.names()).all(|name| both.names().contains(name)));
});
