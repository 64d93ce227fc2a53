package image

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
)

// The bill of materials is an SPDX 2.3 document in JSON (spdx.github.io/spdx-spec/v2.3). The structs below have only
// the fields that it needs: a library for SPDX would add more modules than the functions have.

type spdxDocument struct {
	SPDXVersion       string             `json:"spdxVersion"`
	DataLicense       string             `json:"dataLicense"`
	SPDXID            string             `json:"SPDXID"`
	Name              string             `json:"name"`
	DocumentNamespace string             `json:"documentNamespace"`
	CreationInfo      spdxCreation       `json:"creationInfo"`
	Packages          []spdxPackage      `json:"packages"`
	Relationships     []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
	Comment  string   `json:"comment"`
}

type spdxPackage struct {
	SPDXID           string          `json:"SPDXID"`
	Name             string          `json:"name"`
	VersionInfo      string          `json:"versionInfo"`
	DownloadLocation string          `json:"downloadLocation"`
	FilesAnalyzed    bool            `json:"filesAnalyzed"`
	Purpose          string          `json:"primaryPackagePurpose"`
	Checksums        []spdxChecksum  `json:"checksums,omitempty"`
	SourceInfo       string          `json:"sourceInfo,omitempty"`
	LicenseConcluded string          `json:"licenseConcluded"`
	LicenseDeclared  string          `json:"licenseDeclared"`
	CopyrightText    string          `json:"copyrightText"`
	ExternalRefs     []spdxReference `json:"externalRefs,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxReference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const (
	unsaid   = "NOASSERTION"
	document = "SPDXRef-DOCUMENT"
	binaryID = "SPDXRef-binary"
)

// Program is what a bill of materials is about.
type Program struct {
	Name    string // such as rotate
	Version string
	Place   string // where the binary is
}

// BillOfMaterials lists the contents of a binary: the modules that the linker recorded in it, including Keyturn's own,
// and Go's standard library. It states only Keyturn's own licence, because the others were not reviewed.
func BillOfMaterials(p Program, binary []byte, info *buildinfo.BuildInfo) ([]byte, error) {
	function, version := p.Name, p.Version
	sum := sha256.Sum256(binary)
	digest := hex.EncodeToString(sum[:])
	d := spdxDocument{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: document, Name: "keyturn/" + function + " " + version,
		DocumentNamespace: "https://" + module + "/spdx/" + function + "/" + digest + "/" + version,
		CreationInfo: spdxCreation{Created: epoch.Format("2006-01-02T15:04:05Z"),
			Creators: []string{"Tool: keyturn-deploy"},
			Comment:  "The time is not the time of creation: the same binary gives the same document."},
		Packages: []spdxPackage{{SPDXID: binaryID, Name: "keyturn/" + function, VersionInfo: version,
			DownloadLocation: unsaid,
			Purpose:          "APPLICATION", Checksums: []spdxChecksum{{"SHA256", digest}},
			SourceInfo:       p.Place + ", compiled by " + info.GoVersion,
			LicenseConcluded: unsaid, LicenseDeclared: "Apache-2.0", CopyrightText: unsaid}},
		Relationships: []spdxRelationship{{document, "DESCRIBES", binaryID}},
	}
	add := func(p spdxPackage) {
		d.Packages = append(d.Packages, p)
		d.Relationships = append(d.Relationships, spdxRelationship{binaryID, "CONTAINS", p.SPDXID})
	}
	own := modulePackage(info.Main.Path, version)
	own.LicenseDeclared = "Apache-2.0"
	add(own)
	stdlib := modulePackage("stdlib", strings.TrimPrefix(info.GoVersion, "go"))
	stdlib.DownloadLocation = "https://go.dev/dl/" + info.GoVersion + ".src.tar.gz"
	add(stdlib)
	for _, m := range info.Deps {
		p, err := dependency(m)
		if err != nil {
			return nil, err
		}
		add(p)
	}
	out, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the bill of materials: %w", err)
	}
	return append(out, '\n'), nil
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// modulePackage is the package of a Go module. Scanners look vulnerabilities up by the purl type golang and, for the
// standard library, the name stdlib.
func modulePackage(path, version string) spdxPackage {
	return spdxPackage{SPDXID: "SPDXRef-module-" + notInID.ReplaceAllString(path, "-"), Name: path,
		VersionInfo: version, DownloadLocation: unsaid,
		Purpose: "LIBRARY", LicenseConcluded: unsaid, LicenseDeclared: unsaid, CopyrightText: unsaid,
		ExternalRefs: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + strings.ToLower(path) + "@" +
			strings.ReplaceAll(version, "+", "%2B")}}}
}

// dependency adds go.sum's hash, which is a SHA-256 over the hashes of all of a module's files
// (golang.org/x/mod/sumdb/dirhash).
func dependency(m *debug.Module) (spdxPackage, error) {
	m = cmp.Or(m.Replace, m)
	p := modulePackage(m.Path, m.Version)
	text, ok := strings.CutPrefix(m.Sum, "h1:")
	sum, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(sum) != sha256.Size {
		return p, fmt.Errorf("%s %s has no hash of go.sum: %q", m.Path, m.Version, m.Sum)
	}
	p.Checksums = []spdxChecksum{{"SHA256", hex.EncodeToString(sum)}}
	p.SourceInfo = "go.sum: " + m.Sum
	return p, nil
}
