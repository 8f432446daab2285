// Round trip of GitLab's own client for Go, which glab is built on: round-trip BASE_URL TOKEN
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

const size = 300_000

// files has names that the client escapes: dots, slashes, `+`, `@` and `~`.
var files = []string{"tool-1.0.0.tar.gz", "linux.amd64/bin/tool.v1", "notes+draft@1~2.md"}

func fail(what string, told any) {
	fmt.Fprintf(os.Stderr, "client-go: %s: %v\n", what, told)
	os.Exit(1)
}

func done(what string, err error) {
	if err != nil {
		fail(what, err)
	}
}

func same[T comparable](what string, got, want T) {
	if got != want {
		fail(what, fmt.Sprintf("got %v, expected %v", got, want))
	}
}

func refused(what string, status int, err error) {
	// What is not found is told apart from all other refusals.
	isMissing := status == http.StatusNotFound && errors.Is(err, gitlab.ErrNotFound)
	if !isMissing && !gitlab.HasStatusCode(err, status) {
		fail(what, fmt.Sprintf("expected status %d, got %v", status, err))
	}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func names(packages []*gitlab.Package) string {
	var found []string
	for _, one := range packages {
		found = append(found, one.Name+" "+one.Version)
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

// trip is a project, and what was published there.
type trip struct {
	api     *gitlab.Client
	project *gitlab.Project
	host    string
	// sums has the digest of each file.
	sums map[string]string
}

func (t *trip) put(name, version, file string, content []byte, options *gitlab.PublishPackageFileOptions) *gitlab.GenericPackagesFile {
	record, _, err := t.api.GenericPackages.PublishPackageFile(t.project.PathWithNamespace, name, version, file, bytes.NewReader(content), options)
	done("publishing "+file, err)
	return record
}

func (t *trip) publish() int64 {
	options := &gitlab.PublishPackageFileOptions{Select: gitlab.Ptr(gitlab.SelectPackageFile)}
	var packages int64
	for _, file := range files {
		content := make([]byte, size)
		_, err := rand.Read(content)
		done("random bytes", err)
		t.sums[file] = digest(content)
		record := t.put("my.tool-x", "v1.0.0", file, content, options)
		same("size of "+file, record.Size, size)
		same("digest of "+file, record.FileSHA256, t.sums[file])
		same("time of "+file, record.CreatedAt != nil && record.UpdatedAt != nil, true)
		packages = record.PackageID
	}
	// What stands in the answer without `select` is no record, and is read all the same.
	t.put("my.tool-x", "v1.0.1", "f", []byte("once more"), nil)
	t.put("hidden.tool", "0.1", "f", nil, &gitlab.PublishPackageFileOptions{Status: gitlab.Ptr(gitlab.PackageHidden)})
	return packages
}

func (t *trip) download() {
	for _, id := range []any{t.project.ID, t.project.PathWithNamespace} {
		for _, file := range files {
			content, response, err := t.api.GenericPackages.DownloadPackageFile(id, "my.tool-x", "v1.0.0", file)
			done("downloading "+file, err)
			same("digest of "+file, digest(content), t.sums[file])
			same("the header of "+file, response.Header.Get("X-Checksum-SHA256"), t.sums[file])
		}
	}
	content, _, err := t.api.GenericPackages.DownloadPackageFile(t.project.ID, "hidden.tool", "0.1", "f")
	done("downloading what is hidden", err)
	same("bytes of an empty file", len(content), 0)
	_, _, err = t.api.GenericPackages.DownloadPackageFile(t.project.ID, "my.tool-x", "v1.0.0", "none.gz")
	refused("an unknown file", http.StatusNotFound, err)
	_, _, err = t.api.GenericPackages.DownloadPackageFile(t.project.ID, "my.tool-x", "v1..0", "f")
	refused("a bad version", http.StatusBadRequest, err)
}

func (t *trip) list(id int64) {
	list := func(options gitlab.ListProjectPackagesOptions) string {
		found, _, err := t.api.Packages.ListProjectPackages(t.project.ID, &options)
		done("listing packages", err)
		return names(found)
	}
	same("packages", list(gitlab.ListProjectPackagesOptions{}), "my.tool-x v1.0.0, my.tool-x v1.0.1")
	same("hidden packages", list(gitlab.ListProjectPackagesOptions{Status: gitlab.Ptr("hidden")}), "hidden.tool 0.1")
	same("packages by version", list(gitlab.ListProjectPackagesOptions{
		PackageName: gitlab.Ptr("TOOL-X"), PackageVersion: gitlab.Ptr("v1.0.1"), PackageType: gitlab.Ptr("generic"),
	}), "my.tool-x v1.0.1")

	var paged []*gitlab.Package
	options := &gitlab.ListProjectPackagesOptions{ListOptions: gitlab.ListOptions{PerPage: 1}}
	for {
		found, response, err := t.api.Packages.ListProjectPackages(t.project.ID, options)
		done("listing a page", err)
		same("entries of a page", len(found), 1)
		same("entries in all", response.TotalItems, 2)
		paged = append(paged, found...)
		if response.NextPage == 0 {
			break
		}
		options.Page = response.NextPage
	}
	same("packages by pages", names(paged), "my.tool-x v1.0.0, my.tool-x v1.0.1")

	group := strings.Split(t.project.PathWithNamespace, "/")[0]
	below, _, err := t.api.Packages.ListGroupPackages(group, &gitlab.ListGroupPackagesOptions{})
	done("listing the packages of the group", err)
	same("packages of the group", len(below), 2)
	same("their project", below[0].ProjectPath, t.project.PathWithNamespace)
	same("their id", below[0].ID, id)
}

// files are listed with their folders escaped, as GitLab keeps them.
func (t *trip) listFiles(id int64) int64 {
	found, _, err := t.api.Packages.ListPackageFiles(t.project.ID, id, &gitlab.ListPackageFilesOptions{})
	done("listing files", err)
	same("files", len(found), len(files))
	for index, listed := range found {
		wanted := files[index]
		if strings.Contains(wanted, "/") {
			wanted = strings.ReplaceAll(wanted, "/", "%2F")
		}
		same("name of a file", listed.FileName, wanted)
		same("digest of a file", listed.FileSHA256, t.sums[files[index]])
		same("size of a file", listed.Size, size)
		same("package of a file", listed.PackageID, id)
	}
	return found[0].ID
}

// release does as glab does: it makes a release, and then adds links to the files that were published.
func (t *trip) release() {
	path, err := t.api.GenericPackages.FormatPackageURL(t.project.ID, "my.tool-x", "v1.0.0", files[0])
	done("the address of a file", err)
	made, _, err := t.api.Releases.CreateRelease(t.project.ID, &gitlab.CreateReleaseOptions{
		TagName: gitlab.Ptr("v1.0.0"), Name: gitlab.Ptr("First"), Description: gitlab.Ptr("# What is new"), Ref: gitlab.Ptr("main"),
	})
	done("making a release", err)
	same("tag of the release", made.TagName, "v1.0.0")
	link, _, err := t.api.ReleaseLinks.CreateReleaseLink(t.project.ID, "v1.0.0", &gitlab.CreateReleaseLinkOptions{
		Name: gitlab.Ptr("tool"), URL: gitlab.Ptr(t.host + "/api/v4/" + path),
		DirectAssetPath: gitlab.Ptr("/bin/tool.gz"), LinkType: gitlab.Ptr(gitlab.PackageLinkType),
	})
	done("adding a link", err)
	same("kind of the link", link.LinkType, gitlab.PackageLinkType)

	shown, _, err := t.api.Releases.GetRelease(t.project.ID, "v1.0.0")
	done("showing the release", err)
	same("description of the release", shown.Description, "# What is new")
	same("links of the release", len(shown.Assets.Links), 1)
	request, err := t.api.NewRequest(http.MethodGet, "projects/"+gitlab.PathEscape(t.project.PathWithNamespace)+"/releases/v1%2E0%2E0/downloads/bin/tool.gz", nil, nil)
	done("asking for the link", err)
	var content bytes.Buffer
	_, err = t.api.Do(request, &content)
	done("following the link", err)
	same("bytes behind the link", digest(content.Bytes()), t.sums[files[0]])

	_, _, err = t.api.ReleaseLinks.DeleteReleaseLink(t.project.ID, "v1.0.0", link.ID)
	done("removing the link", err)
	_, _, err = t.api.Releases.DeleteRelease(t.project.ID, "v1.0.0")
	done("removing the release", err)
	_, _, err = t.api.Releases.GetRelease(t.project.ID, "v1.0.0")
	refused("the removed release", http.StatusNotFound, err)
}

func (t *trip) remove(id, file int64) {
	_, err := t.api.Packages.DeletePackageFile(t.project.ID, id, file)
	done("removing a file", err)
	_, _, err = t.api.GenericPackages.DownloadPackageFile(t.project.ID, "my.tool-x", "v1.0.0", files[0])
	refused("the removed file", http.StatusNotFound, err)
	_, err = t.api.Packages.DeleteProjectPackage(t.project.ID, id)
	done("removing a package", err)
	_, err = t.api.Packages.DeleteProjectPackage(t.project.ID, id)
	refused("removing it again", http.StatusNotFound, err)
	_, _, err = t.api.GenericPackages.DownloadPackageFile(t.project.ID, "my.tool-x", "v1.0.0", files[1])
	refused("a file of the removed package", http.StatusNotFound, err)
}

func main() {
	if len(os.Args) != 3 {
		fail("usage", "round-trip BASE_URL TOKEN")
	}
	host, token := os.Args[1], os.Args[2]
	api, err := gitlab.NewClient(token, gitlab.WithBaseURL(host))
	done("making a client", err)
	_, _, err = api.Version.GetVersion()
	done("asking for the version", err)
	nobody, err := gitlab.NewClient("not-"+token, gitlab.WithBaseURL(host))
	done("making a client", err)
	_, _, err = nobody.Users.CurrentUser()
	refused("an unknown token", http.StatusUnauthorized, err)

	name := "go." + strings.ToLower(rand.Text()[:8])
	group, _, err := api.Groups.CreateGroup(&gitlab.CreateGroupOptions{Name: &name, Path: &name})
	done("making a group", err)
	project, _, err := api.Projects.CreateProject(&gitlab.CreateProjectOptions{Name: gitlab.Ptr("tool.go"), NamespaceID: &group.ID})
	done("making a project", err)
	same("path of the project", project.PathWithNamespace, name+"/tool.go")

	trip := &trip{api: api, project: project, host: host, sums: map[string]string{}}
	id := trip.publish()
	trip.download()
	trip.list(id)
	file := trip.listFiles(id)
	trip.release()
	trip.remove(id, file)
	_, err = api.Projects.DeleteProject(project.ID, nil)
	done("removing the project", err)
	fmt.Println("client-go: as expected")
}
