//! Compiles the `.proto` files: by `protox`, in Rust, so nobody needs `protoc`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message as _;

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts where to write by a variable")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());

    let mut files = Vec::new();
    for folder in ["consign/blob/v1", "consign/metadata/v1"] {
        files.extend(protos(&root.join(folder))?);
    }
    let descriptors = protox::compile(files, [root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").generate_default_stubs(true).compile_fds(descriptors)?;
    Ok(())
}

fn protos(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    paths.sort();
    Ok(paths)
}
