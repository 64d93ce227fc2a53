package ociemu

import (
	"net/http"
	"slices"
	"strings"
)

// patchOperation is one operation of a PATCH. Op has no case: the SDKs send capitals, the documentation small letters.
type patchOperation struct {
	op, path string
	value    any
}

// readPatch reads the operations of a PATCH.
func (x *exchange) readPatch() ([]patchOperation, *refusal) {
	body, refused := x.readSCIM(scimPatchSchema, []string{"schemas", "Operations"})
	if refused != nil {
		return nil, refused
	}
	list, isList := body["Operations"].([]any)
	if !isList || len(list) == 0 {
		return nil, missingAttribute("Operations")
	}
	var operations []patchOperation
	for _, one := range list {
		fields, isObject := one.(map[string]any)
		if !isObject {
			return nil, scimBad("An operation must be an object.")
		}
		op, refused := textOf(fields, "op")
		if refused != nil {
			return nil, refused
		}
		path, refused := textOf(fields, "path")
		if refused != nil {
			return nil, refused
		}
		o := patchOperation{strings.ToLower(op), path, fields["value"]}
		switch {
		case !slices.Contains([]string{"add", "replace", "remove"}, o.op):
			return nil, scimBad("The op is add, replace or remove.")
		case o.path == "":
			return nil, missingAttribute("path")
		case o.op != "remove" && o.value == nil:
			return nil, missingAttribute("value")
		}
		operations = append(operations, o)
	}
	return operations, nil
}

// patch changes texts and the status. Other attributes are read-only or cannot be changed. All operations take effect,
// or none.
func (k *scimKind) patch(x *exchange) (reply, *refusal) {
	h, refused := k.one(x)
	if refused == nil {
		refused = x.checkEtag(h.record().etag)
	}
	if refused != nil {
		return reply{}, refused
	}
	operations, refused := x.readPatch()
	if refused != nil {
		return reply{}, refused
	}
	if _, refused := x.projection(k.schema); refused != nil {
		return reply{}, refused
	}
	b := h.record()
	texts, inactive := map[string]string{}, b.inactive
	for _, o := range operations {
		value, isText := o.value.(string)
		switch {
		case !isText && o.op != "remove":
			return reply{}, scimBad("The value of " + o.path + " must be a string.")
		case o.path == "status" && slices.Contains(k.own, "status"):
			inactive, refused = inactiveOf(value)
			if refused != nil {
				return reply{}, refused
			}
		case h.text(o.path) != nil:
			texts[o.path] = value
			if o.op == "remove" {
				texts[o.path] = ""
			}
		default:
			return reply{}, scimBad("The attribute " + o.path + " cannot be changed.")
		}
	}
	if b.inactive && !inactive && x.e.opts.DomainAnswers.InactiveSlot == InactiveFreesSlot {
		if refused := k.checkSlot(x, h.owner); refused != nil {
			return reply{}, refused
		}
	}
	for name, text := range texts {
		*h.text(name) = text
	}
	x.setInactive(b, inactive)
	b.etag, b.modified = x.e.state.ids.etag(), x.now
	x.changed = true
	return k.answer(x, h, http.StatusOK)
}
