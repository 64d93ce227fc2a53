package credential_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"log"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/credential"
)

// hidden is the secret of these tests.
var hidden = rand.Text() + rand.Text()

func forms() []string {
	raw := []byte(hidden)
	decimal := strings.Trim(fmt.Sprint(raw), "[]")
	return []string{hidden, hidden[:12], hex.EncodeToString(raw)[:16], strings.ToUpper(hex.EncodeToString(raw))[:16],
		fmt.Sprintf("% x", raw)[:16],
		decimal[:16], strings.ReplaceAll(decimal, " ", ",")[:16], base64.StdEncoding.EncodeToString(raw)[:12], "0x" +
			hex.EncodeToString(raw[:1]) + ", 0x" + hex.EncodeToString(raw[1:2])}
}

func leaks(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range forms() {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the value", where)
			return
		}
	}
}

func TestTheSearchForLeaksFindsThem(t *testing.T) {
	raw := []byte(hidden)
	for _, text := range []string{hidden, fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), fmt.Sprintf("% x", raw),
		fmt.Sprint(raw), fmt.Sprintf("%#v", raw), fmt.Sprintf("%q", hidden)} {
		found := false
		for _, form := range forms() {
			found = found || strings.Contains(text, form)
		}
		if !found {
			t.Error("a way of printing is not searched for")
		}
	}
}

type (
	open     struct{ V credential.Value }
	closed   struct{ v credential.Value }
	array    struct{ v [1]credential.Value }
	embedded struct{ credential.Value }
	pointer  struct {
		V *credential.Value
		v *credential.Value
	}
	deep struct {
		Material credential.Material
		List     []credential.Value
		ByName   map[string]credential.Value
		Any      any
		list     []credential.Value
		byName   map[string]credential.Value
		any      any
		closed   closed
		created  *credential.Created
	}
)

// holders are values that contain the secret.
func holders() map[string]any {
	v := credential.NewValue([]byte(hidden))
	d := deep{Material: credential.Material{Value: v}, List: []credential.Value{v}, ByName: map[string]credential.Value{
		"k": v}, Any: v, list: []credential.Value{v},
		byName: map[string]credential.Value{"k": v}, any: v, closed: closed{v}, created: &credential.Created{Value: v}}
	return map[string]any{
		"itself": v, "a pointer": &v, "an exported field": open{v}, "an unexported field": closed{v},
		"a pointer to a struct":            &open{v},
		"a pointer to an unexported field": &closed{v}, "pointers in fields": pointer{&v, &v}, "everything": d,
		"a pointer to everything": &d,
		"a slice":                 []credential.Value{v}, "an array": [1]credential.Value{v},
		"a map": map[string]credential.Value{
			"k": v}, "a slice of any": []any{v, &v}, "a struct in a map": map[string]closed{"k": {v}},
		"a struct in a slice": []closed{{v}}, "an embedded one": embedded{v},
		"an array in a field": array{[1]credential.Value{v}},
	}
}

func TestNoVerbOfFmtShowsAValue(t *testing.T) {
	verbs := strings.Split("v s q x X d t T b o O c U e E f F g G p w", " ")
	flags := []string{"", "+", "#", " ", "0", "-", "+#", "# ", "20", ".3", "#20", "-40.10"}
	n := 0
	for name, h := range holders() {
		for _, verb := range verbs {
			for _, flag := range flags {
				n++
				leaks(t, "%"+flag+verb+" of "+name, fmt.Sprintf("%"+flag+verb, h))
			}
		}
		leaks(t, "Sprint of "+name, fmt.Sprint(h))
		leaks(t, "Sprintln of "+name, fmt.Sprintln(h))
		leaks(t, "an error with "+name, fmt.Errorf("because of %v: %+v", h, h).Error())
		leaks(t, "a joined error with "+name, errors.Join(fmt.Errorf("%#v", h), fmt.Errorf("%s", h)).Error())
	}
	if n < 3000 {
		t.Errorf("%d combinations, want 3000 or more", n)
	}
}

func TestAValueShowsAsRedacted(t *testing.T) {
	v := credential.NewValue([]byte(hidden))
	for _, format := range []string{"%v", "%s", "%q", "%x", "%X", "%d", "%+v", "%#v", "%30s"} {
		if got := fmt.Sprintf(format, v); got != "[redacted]" {
			t.Errorf("%s shows %q", format, got)
		}
		if got := fmt.Sprintf(format, open{v}); !strings.Contains(got, "[redacted]") {
			t.Errorf("%s of an exported field shows %q", format, got)
		}
	}
	if v.String() != "[redacted]" || v.GoString() != "[redacted]" || v.LogValue().String() != "[redacted]" {
		t.Error("a method shows something else than [redacted]")
	}
}

func TestNoEncoderShowsAValue(t *testing.T) {
	for name, h := range holders() {
		// An encoder may refuse a value. Its error must not show the value either.
		text, err := json.Marshal(h)
		leaks(t, "JSON of "+name, string(text)+fmt.Sprint(err))
		text, err = json.MarshalIndent(h, "", " ")
		leaks(t, "indented JSON of "+name, string(text)+fmt.Sprint(err))
		text, err = xml.Marshal(h)
		leaks(t, "XML of "+name, string(text)+fmt.Sprint(err))
		var buf bytes.Buffer
		err = gob.NewEncoder(&buf).Encode(h)
		leaks(t, "gob of "+name, buf.String()+fmt.Sprint(err))
	}
	v := credential.NewValue([]byte(hidden))
	for name, marshal := range map[string]func() ([]byte, error){
		"text": v.MarshalText, "binary": v.MarshalBinary, "JSON": v.MarshalJSON} {
		text, err := marshal()
		if err != nil || strings.Trim(string(text), `"`) != "[redacted]" {
			t.Errorf("%s: %q (%v)", name, text, err)
		}
	}
	if text, err := json.Marshal(map[string]open{"k": {v}}); err != nil || string(text) != `{"k":{"V":"[redacted]"}}` {
		t.Errorf("JSON is %s (%v)", text, err)
	}
	if text, err := xml.Marshal(open{v}); err != nil || string(text) != `<open><V>[redacted]</V></open>` {
		t.Errorf("XML is %s (%v)", text, err)
	}
}

func TestNoTemplateShowsAValueThatDoesNotAskForIt(t *testing.T) {
	const text = `{{.}} {{printf "%s %v %x %q" . . . .}} {{print .}} {{println .}} {{html .}} {{js .}} {{urlquery .}}`
	for name, h := range holders() {
		var buf bytes.Buffer
		if err := template.Must(template.New("").Parse(text)).Execute(&buf, h); err != nil {
			leaks(t, "an error of text/template with "+name, err.Error())
		}
		if err := htmltemplate.Must(htmltemplate.New("").Parse(
			`{{.}}<a title="{{.}}" href="?{{.}}" onclick="f({{.}})">{{printf "%v" .}}</a>`)).Execute(&buf,
			h); err != nil {
			leaks(t, "an error of html/template with "+name, err.Error())
		}
		leaks(t, "a template with "+name, buf.String())
	}
}

// object is logged field by field.
type object struct{ v credential.Value }

func (o object) MarshalZerologObject(e *zerolog.Event) {
	e.Interface("interface", o.v).Any("any", o.v).Stringer("stringer", o.v).Str("formatted", fmt.Sprint(o.v))
}

func TestNoLoggerShowsAValue(t *testing.T) {
	for name, h := range holders() {
		var buf bytes.Buffer
		z := zerolog.New(&buf)
		z.Info().Interface("i", h).Any("a", h).Fields(map[string]any{"f": h}).Fields([]any{"g", h}).Msgf("%v %+v %#v",
			h, h, h)
		z.Error().Err(fmt.Errorf("with %v", h)).Errs("errs", []error{fmt.Errorf("with %+v", h)}).Send()
		with := z.With().Interface("w", h).Any("x", h).Logger()
		with.Warn().Send()
		console := zerolog.New(zerolog.ConsoleWriter{Out: &buf, NoColor: true})
		console.Info().Interface("i", h).Msg("")
		for _, handler := range []slog.Handler{slog.NewTextHandler(&buf, nil), slog.NewJSONHandler(&buf, nil)} {
			l := slog.New(handler)
			l.Info("m", "k", h, slog.Any("a", h), slog.Group("g", "k", h))
			l.With("w", h).WithGroup("g").Error(fmt.Sprint(h), "k", []any{h})
		}
		log.New(&buf, "", 0).Print(h, " ", []any{h})
		leaks(t, "a log with "+name, buf.String())
	}
	var buf bytes.Buffer
	z := zerolog.New(&buf)
	v := credential.NewValue([]byte(hidden))
	z.Info().Object("o", object{v}).EmbedObject(object{v}).Stringer("s", v).Array("l",
		zerolog.Arr().Interface(v).Object(object{v})).Send()
	leaks(t, "zerolog's objects", buf.String())
	if n := strings.Count(buf.String(), "[redacted]"); n != 14 {
		t.Errorf("%d places are redacted, want 14: %s", n, buf.String())
	}
}

func TestAValueCannotBeDecodedFromWhatItShows(t *testing.T) {
	text, err := json.Marshal(open{credential.NewValue([]byte(hidden))})
	if err != nil {
		t.Fatal(err)
	}
	var back open
	if err := json.Unmarshal(text, &back); err == nil {
		t.Error("[redacted] was taken for a value")
	}
}

func TestOnlyRevealGivesTheBytes(t *testing.T) {
	source := []byte(hidden)
	v := credential.NewValue(source)
	clear(source)
	if string(v.Reveal()) != hidden {
		t.Error("the value changed with the bytes that it was made from")
	}
	if v.Empty() || !(credential.Value{}).Empty() || !credential.NewValue(nil).Empty() ||
		!credential.NewValue([]byte{}).Empty() {
		t.Error("Empty is wrong")
	}
	if (credential.Value{}).Reveal() != nil {
		t.Error("the zero Value has bytes")
	}
	same, other := credential.NewValue([]byte(hidden)), credential.NewValue([]byte(hidden+"x"))
	if !v.Equal(same) || v.Equal(other) || v.Equal(credential.Value{}) ||
		!(credential.Value{}).Equal(credential.NewValue(nil)) {
		t.Error("Equal is wrong")
	}
	if fmt.Sprint(credential.Value{}) != "[redacted]" {
		t.Error("an empty value shows that it is empty")
	}
}
