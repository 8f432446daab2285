"""Round trip of Debian's python3-gitlab: round_trip.py BASE_URL TOKEN"""

import hashlib
import os
import sys
import tempfile
import uuid
from pathlib import Path

import gitlab


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: expected {wanted!r}, got {got!r}")


def expect_missing(what, call, *args):
    try:
        got = call(*args)
    except gitlab.GitlabError as error:
        expect(f"{what}: status", error.response_code, 404)
        return
    sys.exit(f"{what}: expected 404, got {got!r}")


def round_trip(project, directory):
    registry = project.generic_packages
    content = os.urandom(300_000)
    local = directory / "tool.bin"
    local.write_bytes(content)

    names = ["tool.bin", "linux/x64/tool.bin"]
    for name in names:
        for version in ["1.0.0", "1.1.0", "1.2.0"]:
            answer = registry.upload("tool", version, name, local)
            expect("answer to an upload", answer.message, "201 Created")
        expect(name, registry.download("tool", "1.0.0", name), content)

    streamed = hashlib.sha256()
    registry.download("tool", "1.0.0", names[1], streamed=True, action=streamed.update)
    wanted = hashlib.sha256(content).hexdigest()
    expect("digest of the stream", streamed.hexdigest(), wanted)

    packages = list(
        project.packages.list(iterator=True, per_page=2, package_type="generic")
    )
    expect("versions", [p.version for p in packages], ["1.0.0", "1.1.0", "1.2.0"])
    package = project.packages.get(packages[0].id)
    expect("name", package.name, "tool")
    files = package.package_files.list(get_all=True)
    expect(
        "files", [f.file_name for f in files], ["tool.bin", "linux%2Fx64%2Ftool.bin"]
    )
    expect("digests", {f.file_sha256 for f in files}, {wanted})
    expect("sizes", {f.size for f in files}, {len(content)})

    files[0].delete()
    expect_missing("deleted file", registry.download, "tool", "1.0.0", "tool.bin")
    package.delete()
    expect_missing("deleted package", project.packages.get, package.id)
    left = project.packages.list(get_all=True)
    expect("versions left", [p.version for p in left], ["1.1.0", "1.2.0"])


def main():
    url, token = sys.argv[1:]
    expect("python3-gitlab", gitlab.__version__, "3.12.0")
    gl = gitlab.Gitlab(url, private_token=token)
    gl.auth()
    expect("state of the user", gl.user.state, "active")
    project = gl.projects.create({"name": f"debian-gitlab-{uuid.uuid4().hex[:8]}"})
    try:
        with tempfile.TemporaryDirectory() as directory:
            round_trip(project, Path(directory))
    finally:
        project.delete()
    expect_missing("deleted project", gl.projects.get, project.id)


if __name__ == "__main__":
    main()
