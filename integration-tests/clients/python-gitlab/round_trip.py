"""Round trip of python-gitlab: round_trip.py BASE_URL TOKEN"""

import hashlib
import os
import sys
import tempfile
import uuid
import warnings
from contextlib import contextmanager
from pathlib import Path

import gitlab

VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"]


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: expected {wanted!r}, got {got!r}")


@contextmanager
def refused(what, status, words=""):
    try:
        yield
    except gitlab.GitlabError as error:
        expect(f"{what}: status", error.response_code, status)
        if words not in str(error):
            sys.exit(f"{what}: expected {words!r} in {str(error)!r}")
    else:
        sys.exit(f"{what}: expected status {status}, but it was done")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def ids(objects):
    return [found.id for found in objects]


def versions(packages):
    return [package.version for package in packages]


def check_session(url, token):
    gl = gitlab.Gitlab(url, private_token=token)
    gl.auth()
    expect("state of the user", gl.user.state, "active")
    expect("type of the id", type(gl.user.id), int)
    version, revision = gl.version()
    if "unknown" in (version, revision):
        sys.exit(f"version: got {version!r}, {revision!r}")
    stranger = gitlab.Gitlab(url, private_token="no-such-token")
    with refused("unknown token", 401, "401 Unauthorized"):
        stranger.auth()
    return gl


def check_projects(gl, group, project):
    path = f"{group.full_path}/{project.path}"
    expect("path of the project", project.path_with_namespace, path)
    expect("namespace of the project", project.namespace["id"], group.id)
    expect("project by path", gl.projects.get(path).id, project.id)
    expect("projects of the group", ids(group.projects.list()), [project.id])
    expect("search", ids(gl.projects.list(search=project.path)), [project.id])
    expect("search for nothing", gl.projects.list(search=uuid.uuid4().hex), [])
    listed = gl.projects.list(iterator=True, per_page=1)
    expect("project in the list", project.id in ids(listed), True)

    project.description = "changed"
    project.visibility = "internal"
    project.save()
    stored = gl.projects.get(project.id)
    expect("description", stored.description, "changed")
    expect("visibility", stored.visibility, "internal")
    gl.projects.update(project.id, {"visibility": "private"})
    expect("visibility", gl.projects.get(project.id).visibility, "private")


def check_files(project, directory):
    registry = project.generic_packages
    content = os.urandom(3_000_000)
    local = directory / "tool.bin"
    local.write_bytes(content)

    by_path = registry.upload("tool", "1.0.0", "linux/x64/tool.bin", path=local)
    expect("answer to an upload", by_path.message, "201 Created")
    with local.open("rb") as stream:
        record = registry.upload(
            "tool", "1.0.0", "tool+a~b@c.bin", data=stream, select="package_file"
        )
    expect("file name", record.file_name, "tool+a~b@c.bin")
    expect("size", record.size, len(content))
    expect("file_sha256", record.file_sha256, sha256(content))
    expect("file_store", record.file_store, 1)
    nested = registry.upload(
        "tool", "1.0.0", "docs/notes.txt", data=b"notes", select="package_file"
    )
    expect("file name with a folder", nested.file_name, "docs%2Fnotes.txt")
    expect("package of both files", nested.package_id, record.package_id)

    for name in ["linux/x64/tool.bin", "tool+a~b@c.bin"]:
        got = registry.download("tool", "1.0.0", name)
        expect(f"digest of {name}", sha256(got), sha256(content))
    expect("notes", registry.download("tool", "1.0.0", "docs/notes.txt"), b"notes")

    streamed = hashlib.sha256()
    registry.download(
        "tool",
        "1.0.0",
        "linux/x64/tool.bin",
        streamed=True,
        action=streamed.update,
        chunk_size=65536,
    )
    expect("digest of the stream", streamed.hexdigest(), sha256(content))
    chunks = registry.download("tool", "1.0.0", "linux/x64/tool.bin", iterator=True)
    expect("digest of the iterator", sha256(b"".join(chunks)), sha256(content))

    for name in ["none.bin", "linux", "linux/x64"]:
        with refused(f"no file {name}", 404, "404 Not found"):
            registry.download("tool", "1.0.0", name)
    for package, version, name, words in [
        ("to ol", "1.0.0", "f", "package_name"),
        ("tool", "1..0", "f", "package_version"),
        ("tool", "1.0.0", "a b", "file_name"),
    ]:
        with refused(f"wrong {words}", 400, words):
            registry.upload(package, version, name, data=b"x")
    with refused("wrong select", 400, "select"):
        registry.upload("tool", "1.0.0", "f", data=b"x", select="all")
    return record.package_id


def check_packages(project, first):
    registry = project.generic_packages
    for version in VERSIONS[1:]:
        registry.upload("tool", version, "tool.bin", data=version.encode())
    registry.upload("extra-tool", "1.0.0", "extra.bin", data=b"extra")
    registry.upload("secret", "1.0.0", "s.bin", data=b"hidden", status="hidden")

    def find(**filters):
        return project.packages.list(get_all=True, **filters)

    pages = project.packages.list(
        iterator=True, per_page=2, package_name="tool", order_by="version", sort="desc"
    )
    expect("per_page", pages.per_page, 2)
    expect("total", pages.total, 6)
    expect("total_pages", pages.total_pages, 3)
    expect("current page", pages.current_page, 1)
    expect("next page", pages.next_page, 2)
    expect("previous page", pages.prev_page, None)
    found = [p.version for p in pages if p.name == "tool"]
    expect("versions over the pages", found, VERSIONS[::-1])
    expect("last page", pages.current_page, 3)
    expect("page after the last", pages.next_page, None)
    second = project.packages.list(page=2, per_page=2, package_name="tool")
    expect("second page", versions(second), ["1.2.0", "1.3.0"])

    expect("order of creation", versions(find())[:5], VERSIONS)
    names = [package.name for package in find(order_by="name", sort="desc")]
    expect("names backwards", names, ["tool"] * 5 + ["extra-tool"])
    both = find(package_version="1.0.0", order_by="created_at", sort="desc")
    expect("one version", [p.name for p in both], ["extra-tool", "tool"])
    one = find(package_name="XTRA-T", package_type="generic")
    expect("part of a name", [p.name for p in one], ["extra-tool"])
    expect("no such version", find(package_version="1.0"), [])
    expect("another type", find(package_type="npm"), [])
    expect("hidden", [p.name for p in find(status="hidden")], ["secret"])
    expect("hidden is served", registry.download("secret", "1.0.0", "s.bin"), b"hidden")
    with refused("order", 400, "order_by"):
        project.packages.list(order_by="size", get_all=True)

    package = project.packages.get(first)
    expect("name", package.name, "tool")
    expect("version", package.version, "1.0.0")
    expect("type", package.package_type, "generic")
    expect("status", package.status, "default")
    expect("other versions", [v["version"] for v in package.versions], VERSIONS[1:])
    path = f"/{project.path_with_namespace}/-/packages/{first}"
    expect("web_path", package._links["web_path"], path)
    expect("pipelines", package.pipelines.list(get_all=True), [])
    hidden = find(status="hidden")[0].id
    with refused("hidden package", 404, "Package not found"):
        project.packages.get(hidden)
    with refused("no package", 404):
        project.packages.get(0)


def check_group_packages(group, project):
    listed = group.packages.list(
        get_all=True, exclude_subgroups=True, order_by="project_path"
    )
    expect("packages of the group", len(listed), 6)
    expect("their project", {p.project_id for p in listed}, {project.id})
    paths = {p.project_path for p in listed}
    expect("path of their project", paths, {project.path_with_namespace})
    one = group.packages.list(get_all=True, package_name="extra", per_page=1)
    expect("filtered in the group", [p.name for p in one], ["extra-tool"])


def check_package_files(project, package_id):
    registry = project.generic_packages
    package = project.packages.get(package_id)
    registry.upload("tool", "1.0.0", "tool.bin", data=b"older")
    registry.upload("tool", "1.0.0", "tool.bin", data=b"newer")
    expect("newest wins", registry.download("tool", "1.0.0", "tool.bin"), b"newer")

    files = list(package.package_files.list(iterator=True, per_page=2))
    expect("ids rise", ids(files), sorted(ids(files)))
    names = [file.file_name for file in files]
    expect(
        "files",
        names,
        [
            "linux%2Fx64%2Ftool.bin",
            "tool+a~b@c.bin",
            "docs%2Fnotes.txt",
            "tool.bin",
            "tool.bin",
        ],
    )
    digests = [file.file_sha256 for file in files[-2:]]
    expect("digests", digests, [sha256(b"older"), sha256(b"newer")])
    backwards = package.package_files.list(get_all=True, order_by="id", sort="desc")
    expect("files backwards", ids(backwards), ids(files)[::-1])

    files[-1].delete()
    expect("older is back", registry.download("tool", "1.0.0", "tool.bin"), b"older")
    package.package_files.delete(files[-2].id)
    with refused("deleted file", 404, "404 Not found"):
        registry.download("tool", "1.0.0", "tool.bin")
    with refused("file deleted twice", 404):
        package.package_files.delete(files[-1].id)
    expect("files left", ids(package.package_files.list(get_all=True)), ids(files)[:3])


def check_package_delete(project, package_id):
    registry = project.generic_packages
    project.packages.get(package_id).delete()
    with refused("deleted package", 404):
        project.packages.delete(package_id)
    with refused("deleted package", 404):
        project.packages.get(package_id)
    with refused("file of a deleted package", 404, "404 Not found"):
        registry.download("tool", "1.0.0", "docs/notes.txt")
    left = project.packages.list(
        get_all=True, package_name="tool", package_version="1.0.0"
    )
    expect("packages left", [p.name for p in left], ["extra-tool"])
    again = registry.upload("tool", "1.0.0", "f", data=b"again", select="package_file")
    expect("id is not used again", again.package_id > package_id, True)


def check_protection(project):
    rules = project.package_protection_rules
    attributes = {
        "package_name_pattern": "tool*",
        "package_type": "generic",
        "minimum_access_level_for_push": "maintainer",
    }
    rule = rules.create(attributes)
    expect("project of the rule", rule.project_id, project.id)
    expect("delete level", rule.minimum_access_level_for_delete, None)
    with refused("rule twice", 422, "already been taken"):
        rules.create(attributes)

    rule.minimum_access_level_for_push = None
    rule.minimum_access_level_for_delete = "owner"
    rule.save()
    (stored,) = rules.list(get_all=True)
    expect("rule", stored.id, rule.id)
    expect("saved push level", stored.minimum_access_level_for_push, None)
    expect("saved delete level", stored.minimum_access_level_for_delete, "owner")
    expect("pattern is kept", stored.package_name_pattern, "tool*")
    rule.delete()
    expect("rules left", rules.list(get_all=True), [])
    with refused("rule deleted twice", 404):
        rules.delete(rule.id)


def check_members(gl, group, project):
    user = gl.users.create({"username": f"member-{uuid.uuid4().hex[:8]}", "name": "A Member"})
    expect("user by name", ids(gl.users.list(username=user.username, get_all=True)), [user.id])
    group.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.REPORTER})
    expect("members of the project", project.members.list(get_all=True), [])
    (inherited,) = project.members_all.list(query=user.username, get_all=True)
    expect("inherited role", (inherited.id, inherited.access_level, inherited.name), (user.id, 20, "A Member"))
    member = project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.DEVELOPER})
    member.access_level = gitlab.const.AccessLevel.MAINTAINER
    member.save()
    expect("changed role", project.members.get(user.id).access_level, 40)
    expect("highest role", project.members_all.get(user.id).access_level, 40)
    with refused("second role", 409):
        project.members.create({"user_id": user.id, "access_level": 10})
    member.delete()
    group.members.delete(user.id)
    with refused("member who is none", 404):
        group.members.get(user.id)


def main():
    url, token = sys.argv[1:]
    expect("python-gitlab", gitlab.__version__, "8.6.0")
    # python-gitlab only warns where a next page is on another host.
    warnings.simplefilter("error")
    gl = check_session(url, token)
    name = f"python-gitlab-{uuid.uuid4().hex[:8]}"
    group = gl.groups.create({"name": name, "path": name})
    project = gl.projects.create({"name": f"{name}-project", "namespace_id": group.id})
    try:
        check_projects(gl, group, project)
        with tempfile.TemporaryDirectory() as directory:
            package_id = check_files(project, Path(directory))
        check_packages(project, package_id)
        check_group_packages(group, project)
        check_package_files(project, package_id)
        check_package_delete(project, package_id)
        check_protection(project)
        check_members(gl, group, project)
    finally:
        project.delete()
    with refused("deleted project", 404):
        gl.projects.get(project.id)


if __name__ == "__main__":
    main()
