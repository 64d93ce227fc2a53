package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sdkRegion is a region in OCI's Go SDK.
type sdkRegion struct {
	Key    string `json:"regionKey"`
	Name   string `json:"regionIdentifier"`
	Realm  string `json:"realmKey"`
	Domain string `json:"realmDomainComponent"`
}

func sdkRegions(t *testing.T) []sdkRegion {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/oracle/oci-go-sdk/v65").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "common", "regions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []sdkRegion
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b sdkRegion) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func TestTheStackKnowsEveryRegionThatTheSDKKnows(t *testing.T) {
	all := sdkRegions(t)
	if len(all) < 80 {
		t.Errorf("%d regions, want 80 or more", len(all))
	}
	name, realm, domains := 0, 0, map[string]string{}
	for _, r := range all {
		name, realm = max(name, len(r.Name)+2), max(realm, len(r.Realm))
		domains[r.Realm] = r.Domain
	}
	var b strings.Builder
	b.WriteString("# Oracle's regions: short key and realm of each, and the domain of each realm. Generated from " +
		"the regions that OCI's Go SDK knows:\n# go test ./test/terraform -update\nlocals {\n  regions = {\n")
	for _, r := range all {
		fmt.Fprintf(&b, "    %-*s = { key = %q, realm = %q }\n", name, `"`+r.Name+`"`, r.Key, r.Realm)
	}
	b.WriteString("  }\n\n  realm_domains = {\n")
	for _, r := range slices.Sorted(maps.Keys(domains)) {
		fmt.Fprintf(&b, "    %-*s = %q\n", realm, r, domains[r])
	}
	b.WriteString("  }\n}\n")
	same(t, "terraform/regions.tf", b.String())
}

// regional are the inputs with OCIDs of regional resources, with the other inputs that each needs.
var regional = map[string]struct {
	kind string
	with values
}{
	"subnet_ocid":                  {"subnet", nil},
	"network_security_group_ocids": {"networksecuritygroup", values{"subnet_ocid": ocid("subnet", "eu-frankfurt-1")}},
	"vault_ocid":                   {"vault", nil},
	"key_ocid":                     {"key", values{"vault_ocid": ocid("vault", "eu-frankfurt-1")}},
	"signing_key_ocid":             {"key", nil},
	"topic_ocid": {"onstopic", values{"topic_compartment_ocid": "ocid1.compartment.oc1..aaaaaaaatopics",
		"emails":           []string{},
		"alarm_topic_ocid": ocid("onstopic", "fra")}},
	"alarm_topic_ocid": {"onstopic", nil},
}

func with(base values, input string, v any) values {
	out := values{}
	maps.Copy(out, base)
	if strings.HasSuffix(input, "_ocids") {
		v = []any{v}
	}
	out[input] = v
	return out
}

func TestAnOCIDHasToBeOfTheStacksRegion(t *testing.T) {
	var cases []inputCase
	for input, in := range regional {
		for _, region := range []string{"eu-frankfurt-1", "fra"} {
			id := ocid(in.kind, region)
			if input == "topic_ocid" && region == "fra" {
				id += "2" // not the alarms' one
			}
			cases = append(cases, inputCase{input + " of " + region, with(in.with, input, id), "", ""})
		}
		for region, name := range map[string]string{"iad": "us-ashburn-1", "us-phoenix-1": "us-phoenix-1",
			"eu-new-9": "eu-new-9", "xyz": "xyz"} {
			cases = append(cases, inputCase{input + " of " + region, with(in.with, input, ocid(in.kind, region)),
				input + ": " + ocid(in.kind, region) + " is in " + name + ", the stack in eu-frankfurt-1", ""})
		}
		cases = append(cases, inputCase{input + " without a region", with(in.with, input, ocid(in.kind, "")),
			input + ": " + ocid(in.kind, "") + " names no region", ""},
			inputCase{input + " of another realm", with(in.with, input, strings.Replace(ocid(in.kind,
				"us-langley-1"), "oc1", "oc2", 1)), "in the realm oc2", ""})
	}
	check(t, cases)
}

func TestAnUndecidableRegionCausesAWarning(t *testing.T) {
	unknown := values{"region": "eu-newplace-1", "rotate_image": image("ocir.eu-newplace-1.oci.oraclecloud.com",
		"rotate", "0"),
		"sweep_image": image("ocir.eu-newplace-1.oci.oraclecloud.com", "sweep", "1")}
	check(t, []inputCase{
		{"a region that isn't in the list", unknown, "", "eu-newplace-1 is not in this version's list"},
		{"a vault of that region", with(unknown, "vault_ocid", ocid("vault", "eu-newplace-1")), "",
			"eu-newplace-1 is not in this version's list"},
		{"a key that isn't in the list", with(unknown, "vault_ocid", ocid("vault", "qqq")), "",
			"vault_ocid is in qqq; check"},
		{"a key that is another region's", with(unknown, "vault_ocid", ocid("vault", "iad")), "is in us-ashburn-1",
			""},
		{"another region's name", with(unknown, "vault_ocid", ocid("vault", "eu-other-1")), "is in eu-other-1", ""},
		{"an image in a registry of an unknown key", with(unknown, "sweep_image", image("qqq.ocir.io", "sweep",
			"1")), "", "sweep_image is in qqq; check"},
		{"a recipe of another region",
			values{"security_zone_recipe_ocid": "ocid1.securityzonesecurityrecipe.oc1.iad.aaaaaaaarecipe"}, "",
			"security_zone_recipe_ocid is in iad"},
		{"a recipe of this region",
			values{"security_zone_recipe_ocid": "ocid1.securityzonesecurityrecipe.oc1.fra.aaaaaaaarecipe"}, "", ""},
		{"a recipe without a region",
			values{"security_zone_recipe_ocid": "ocid1.securityzonerecipe.oc1..aaaaaaaarecipe"}, "", ""},
	})
}

func TestAnImageHasToBeInTheRegistryOfTheStacksRegion(t *testing.T) {
	const sweep = "sweep_image"
	check(t, []inputCase{
		{"key", values{sweep: image("fra.ocir.io", "sweep", "1")}, "", ""},
		{"name in the long form", values{sweep: image("ocir.eu-frankfurt-1.oci.oraclecloud.com", "sweep", "1")}, "",
			""},
		{"name in the short form", values{sweep: image("eu-frankfurt-1.ocir.io", "sweep", "1")}, "", ""},
		{"another key", values{sweep: image("iad.ocir.io", "sweep", "1")},
			"sweep_image: iad.ocir.io is in us-ashburn-1, the stack in eu-frankfurt-1", ""},
		{"another name", values{sweep: image("ocir.us-phoenix-1.oci.oraclecloud.com", "sweep", "1")},
			"is in us-phoenix-1", ""},
		{"both in another region", values{"rotate_image": image("lhr.ocir.io", "rotate", "0"),
			sweep: image("lhr.ocir.io", "sweep", "1")}, "Push and sign it in eu-frankfurt-1: fra.ocir.io", ""},
		{"another realm's domain", values{sweep: image("ocir.eu-frankfurt-1.oci.oraclegovcloud.com", "sweep", "1")},
			"the registry of eu-frankfurt-1 is fra.ocir.io", ""},
		{"Docker Hub", values{sweep: image("docker.io", "sweep", "1")}, "sweep_image is not in Container Registry",
			""},
		{"GitHub", values{sweep: image("ghcr.io", "sweep", "1")}, "sweep_image is not in Container Registry", ""},
		{"a look-alike", values{sweep: image("fra.ocir.io.example.com", "sweep", "1")},
			"sweep_image is not in Container Registry", ""},
		{"an address", values{sweep: "https://" + image("fra.ocir.io", "sweep", "1")},
			"sweep_image is not registry/namespace/repository", ""},
		{"a tag without a digest", values{sweep: "fra.ocir.io/ns/keyturn/sweep:1"},
			"sweep_image is not registry/namespace/repository", ""},
		{"a digest without a tag", values{sweep: "fra.ocir.io/ns/keyturn/sweep@sha256:" + strings.Repeat("1", 64)},
			"sweep_image is not registry/namespace/repository", ""},
		{"exchanged", values{"rotate_image": image("fra.ocir.io", "sweep", "0"), sweep: image("fra.ocir.io",
			"rotate", "1")}, "are swapped", ""},
		{"the sweep twice", values{"rotate_image": image("fra.ocir.io", "sweep", "0")}, "are swapped", ""},
		{"one digest for both", values{sweep: image("fra.ocir.io", "sweep", "0")}, "", "the same digest"},
		{"not in the repositories that are made", values{"repositories": true, "name_prefix": "blue"}, "",
			"blue/rotate, blue/sweep"},
		{"in the repositories that are made", values{"repositories": true}, "", ""},
	})
}

func TestEverythingHasToBeOfOneRealm(t *testing.T) {
	gov := values{"region": "us-langley-1", "tenancy_ocid": "ocid1.tenancy.oc2..aaaaaaaatenancy",
		"compartment_ocid": "ocid1.compartment.oc2..aaaaaaaakeyturn",
		"rotate_image":     image("ocir.us-langley-1.oci.oraclegovcloud.com", "rotate", "0"),
		"sweep_image":      image("ocir.us-langley-1.oci.oraclegovcloud.com", "sweep", "1")}
	const refused = "is in the realm"
	cases := []inputCase{
		{"another realm than oc1, throughout", gov, "", ""},
		{"a tenancy of another realm", values{"tenancy_ocid": "ocid1.tenancy.oc2..aaaaaaaatenancy"},
			"tenancy_ocid: ", ""},
		{"a region of another realm", values{"region": "us-langley-1"}, refused, ""},
		{"a home region of another realm", values{"home_region": "us-langley-1"},
			"home_region: us-langley-1 " + refused, ""},
		{"a reporting region of another realm", values{"cloud_guard_reporting_region": "uk-gov-london-1"},
			"cloud_guard_reporting_region: uk-gov-london-1 " + refused, ""},
		{"a commercial registry", with(gov, "sweep_image", image("ocir.us-langley-1.oci.oraclecloud.com", "sweep",
			"1")), "the registry of us-langley-1 is ocir.us-langley-1.oci.oraclegovcloud.com", ""},
	}
	for input, v := range map[string]any{
		"compartment_ocid":                 "ocid1.compartment.oc2..aaaaaaaax",
		"secret_compartment_ocids":         []string{"ocid1.compartment.oc2..aaaaaaaax"},
		"identity_domains":                 []string{"ocid1.domain.oc2..aaaaaaaax"},
		"deployer_group":                   "ocid1.group.oc2..aaaaaaaax",
		"excluded_users":                   []string{"ocid1.user.oc2..aaaaaaaax"},
		"security_zone_recipe_ocid":        "ocid1.securityzonerecipe.oc2..aaaaaaaax",
		"cloud_guard_detector_recipe_ocid": "ocid1.cloudguarddetectorrecipe.oc2..aaaaaaaax",
		"first_secrets":                    values{"s": values{"user": "ocid1.user.oc2..aaaaaaaax", "kind": "api-key"}},
	} {
		cases = append(cases, inputCase{input, values{input: v}, input + ": ", ""})
	}
	check(t, cases)
}
