package image

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sbom is a parsed bill of materials.
type sbom struct {
	Packages []struct {
		SPDXID, Name, VersionInfo string
		Checksums                 []struct{ Algorithm, ChecksumValue string }
		SourceInfo                string
		ExternalRefs              []struct{ ReferenceLocator string }
	}
	Relationships []struct{ SPDXElementID, RelationshipType, RelatedSPDXElement string }
}

func readSBOM(t *testing.T, path string) ([]byte, sbom) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s sbom
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return text, s
}

func TestTheBillOfMaterialsListsTheModulesOfTheBinaryAndNoOthers(t *testing.T) {
	made(t)
	for _, f := range functions {
		binary := content(t, open(t, filepath.Join(shared, f)))[0].content
		info, err := buildinfo.Read(bytes.NewReader(binary))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(binary)
		want := []string{"keyturn/" + f + " " + version + " " + hex.EncodeToString(sum[:]),
			info.Main.Path + " " + version + " ", "stdlib " + strings.TrimPrefix(info.GoVersion, "go") + " "}
		for _, m := range info.Deps {
			h1, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, m.Path+" "+m.Version+" "+hex.EncodeToString(h1))
		}
		_, s := readSBOM(t, filepath.Join(shared, f+".spdx.json"))
		var got []string
		for _, p := range s.Packages {
			line := p.Name + " " + p.VersionInfo + " "
			for _, c := range p.Checksums {
				line += c.ChecksumValue
			}
			got = append(got, line)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the bill has\n%s\nthe binary is made of\n%s", f, strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
		if !strings.Contains(strings.Join(got, "\n"), "golang.org/x/crypto/x509roots/fallback ") || len(got) < 10 {
			t.Errorf("%s: the root certificates are not among the %d packages", f, len(got))
		}
	}
}

func TestTheBillOfMaterialsIsAValidSPDXDocument(t *testing.T) {
	made(t)
	text, _ := readSBOM(t, filepath.Join(shared, "rotate.spdx.json"))
	if err := validSPDX(text); err != nil {
		t.Fatal(err)
	}
	// The check must notice errors.
	breaks := map[string][2]string{
		"another version":       {`"SPDX-2.3"`, `"SPDX-3.0"`},
		"no licence of data":    {`"CC0-1.0"`, `""`},
		"no namespace":          {`"documentNamespace": "https`, `"documentNamespace": "not a uri # `},
		"a time with a zone":    {`T00:00:00Z`, `T00:00:00+02:00`},
		"an unknown creator":    {`"Tool: `, `"Robot: `},
		"a broken id":           {`"SPDXRef-binary"`, `"binary"`},
		"a package's two names": {`"SPDXRef-module-stdlib"`, `"SPDXRef-binary"`},
		"a short checksum":      {`"checksumValue": "`, `"checksumValue": "x`},
		"an unknown relation":   {`"DESCRIBES"`, `"MENTIONS"`},
		"an unknown field":      {`"dataLicense"`, `"licence": "", "dataLicense"`},
		"an unknown purpose":    {`"APPLICATION"`, `"TOY"`},
		"a field's other case":  {`"spdxElementId"`, `"SPDXElementID"`},
	}
	for name, b := range breaks {
		broken := bytes.Replace(text, []byte(b[0]), []byte(b[1]), 1)
		if bytes.Equal(broken, text) {
			t.Errorf("%s: there is no %s in the document", name, b[0])
		} else if validSPDX(broken) == nil {
			t.Errorf("%s: the check doesn't notice", name)
		}
	}
}

// spdx checks the rules of the specification (spdx.github.io/spdx-spec/v2.3, sections 6, 7 and 11) that apply to the
// document.
type spdx struct {
	SPDXVersion, DataLicense, SPDXID, Name, DocumentNamespace string
	CreationInfo                                              struct {
		Created  string
		Creators []string
		Comment  string
	}
	Packages []struct {
		SPDXID, Name, VersionInfo, DownloadLocation, PrimaryPackagePurpose string
		FilesAnalyzed                                                      *bool
		Checksums                                                          []struct{ Algorithm, ChecksumValue string }
		SourceInfo, LicenseConcluded, LicenseDeclared, CopyrightText       string
		ExternalRefs                                                       []struct {
			ReferenceCategory, ReferenceType,
			ReferenceLocator string
		}
	}
	Relationships []struct{ SPDXElementID, RelationshipType, RelatedSPDXElement string }
}

// spdxKeys are the exact names of its fields; encoding/json ignores case.
var spdxKeys = strings.Fields(
	`spdxVersion dataLicense SPDXID name documentNamespace creationInfo created creators comment
	packages versionInfo downloadLocation filesAnalyzed primaryPackagePurpose checksums algorithm checksumValue sourceInfo
	licenseConcluded licenseDeclared copyrightText externalRefs referenceCategory referenceType referenceLocator
	relationships spdxElementId relationshipType relatedSpdxElement`)

var jsonKey = regexp.MustCompile(`(?m)^\s*"([^"]+)":`)

var (
	spdxID   = regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`)
	spdxTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	spdxURI  = regexp.MustCompile(`^https://[^\s#]+$`)
	spdxBy   = regexp.MustCompile(`^(Person|Organization|Tool): .+$`)
	spdxSum  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	spdxPURL = regexp.MustCompile(`^pkg:golang/[a-z0-9./_~-]+@[A-Za-z0-9.%_-]+$`)
)

func validSPDX(text []byte) error {
	var d spdx
	r := json.NewDecoder(bytes.NewReader(text))
	r.DisallowUnknownFields()
	if err := r.Decode(&d); err != nil {
		return err
	}
	for _, m := range jsonKey.FindAllSubmatch(text, -1) {
		if !slices.Contains(spdxKeys, string(m[1])) {
			return fmt.Errorf("the field %s is not known", m[1])
		}
	}
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(d.SPDXVersion == "SPDX-2.3" && d.DataLicense == "CC0-1.0" && d.SPDXID == "SPDXRef-DOCUMENT" && d.Name != "",
		"the document's head is wrong")
	check(spdxURI.MatchString(d.DocumentNamespace), "the namespace %q is no URI without a fragment",
		d.DocumentNamespace)
	check(spdxTime.MatchString(d.CreationInfo.Created), "the time %q is not in UTC", d.CreationInfo.Created)
	check(len(d.CreationInfo.Creators) > 0, "the document has no creator")
	for _, by := range d.CreationInfo.Creators {
		check(spdxBy.MatchString(by), "the creator %q is of no known kind", by)
	}
	ids := map[string]bool{d.SPDXID: true}
	for _, p := range d.Packages {
		check(spdxID.MatchString(p.SPDXID) && !ids[p.SPDXID], "the id %q is malformed or there twice", p.SPDXID)
		ids[p.SPDXID] = true
		for field, value := range map[string]string{"name": p.Name, "versionInfo": p.VersionInfo,
			"downloadLocation": p.DownloadLocation,
			"licenseConcluded": p.LicenseConcluded, "licenseDeclared": p.LicenseDeclared,
			"copyrightText": p.CopyrightText} {
			check(value != "", "%s has no %s", p.SPDXID, field)
		}
		check(p.FilesAnalyzed != nil && !*p.FilesAnalyzed, "%s claims that its files were analysed", p.SPDXID)
		check(slices.Contains([]string{"APPLICATION", "LIBRARY"}, p.PrimaryPackagePurpose), "%s is a %s", p.SPDXID,
			p.PrimaryPackagePurpose)
		for _, c := range p.Checksums {
			check(c.Algorithm == "SHA256" && spdxSum.MatchString(c.ChecksumValue), "%s has the checksum %v", p.SPDXID,
				c)
		}
		for _, e := range p.ExternalRefs {
			check(e.ReferenceCategory == "PACKAGE-MANAGER" && e.ReferenceType == "purl" &&
				spdxPURL.MatchString(e.ReferenceLocator), "%s refers to %v", p.SPDXID, e)
		}
	}
	described := 0
	for _, r := range d.Relationships {
		check(ids[r.SPDXElementID] && ids[r.RelatedSPDXElement], "a relationship has an unknown element: %v", r)
		check(r.RelationshipType == "DESCRIBES" || r.RelationshipType == "CONTAINS", "a relationship is a %s",
			r.RelationshipType)
		if r.RelationshipType == "DESCRIBES" {
			described++
		}
	}
	check(described == 1 && len(d.Relationships) == len(d.Packages), "%d packages have %d relationships, %d of the "+
		"document", len(d.Packages), len(d.Relationships), described)
	return errors.Join(faults...)
}
