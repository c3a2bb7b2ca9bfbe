#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::object_name;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(name) = object_name::parse(text)
    {
        assert_eq!(name.to_string(), text);
    }
});
