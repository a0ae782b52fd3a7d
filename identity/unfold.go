package identity

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// unfolding puts disclosures in the places of their digests (section 7.1 step 3).
type unfolding struct {
	list     []Disclosure
	byDigest map[string]int // digest -> index in list
	met      map[string]bool
	// pointers say where each disclosure belongs (RFC 6901), empty before it was met.
	pointers []string
}

// signedAlone are the claims that stand in the signed payload for all to read: what decides
// whether a credential holds may not depend on what its holder shows (SD-JWT VC draft 24
// section 2.2.2.3).
var signedAlone = []string{"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"}

// unfold returns the claims of payload with everything disclosed in its place, and where each
// disclosure stood. Digests without a disclosure vanish without a trace. A digest that stands
// twice, a disclosure that belongs nowhere, and a name that is there already are refused.
func unfold(payload map[string]any, list []Disclosure) (map[string]any, *unfolding, error) {
	u := &unfolding{
		list: list, byDigest: map[string]int{}, met: map[string]bool{},
		pointers: make([]string, len(list)),
	}
	for i, d := range list {
		digest := d.Digest()
		if _, twice := u.byDigest[digest]; twice {
			return nil, nil, refused("A disclosure is there twice.")
		}
		u.byDigest[digest] = i
	}
	if hash, there := payload[algorithmName]; there && hash != hashName {
		return nil, nil, refused("The digests are not of SHA-256.")
	}
	top := maps.Clone(payload)
	delete(top, algorithmName)
	claims, err := u.object(top, "", 1)
	if err != nil {
		return nil, nil, err
	}
	for _, pointer := range u.pointers {
		if pointer == "" {
			return nil, nil, refused("A disclosure belongs to no digest.")
		}
	}
	return claims, u, nil
}

func (u *unfolding) value(value any, pointer string, depth int) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		return u.object(value, pointer, depth+1)
	case []any:
		return u.array(value, pointer, depth+1)
	}
	return value, nil
}

func (u *unfolding) object(
	object map[string]any, pointer string, depth int,
) (map[string]any, error) {
	if depth > DepthMax {
		return nil, refused("The claims nest deeper than %d.", DepthMax)
	}
	open := make(map[string]any, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if name == digestsName {
			continue
		}
		if isReserved(name) {
			return nil, refused("The claims have the name %s out of its place.", name)
		}
		value, err := u.value(object[name], pointer+"/"+escape(name), depth)
		if err != nil {
			return nil, err
		}
		open[name] = value
	}
	digests, there := object[digestsName]
	list, ok := digests.([]any)
	if there && !ok {
		return nil, refused("A list of digests is none.")
	}
	for _, digest := range list {
		at, err := u.find(digest)
		if err != nil {
			return nil, err
		}
		if at < 0 {
			continue
		}
		d := u.list[at]
		if _, taken := open[d.Name]; taken || d.Element {
			return nil, refused("A disclosure does not fit where its digest stands.")
		}
		if pointer == "" && slices.Contains(signedAlone, d.Name) {
			return nil, refused("The claim %s may not be hidden.", d.Name)
		}
		value, err := u.place(at, pointer+"/"+escape(d.Name), depth)
		if err != nil {
			return nil, err
		}
		open[d.Name] = value
	}
	return open, nil
}

func (u *unfolding) array(list []any, pointer string, depth int) ([]any, error) {
	if depth > DepthMax {
		return nil, refused("The claims nest deeper than %d.", DepthMax)
	}
	open := make([]any, 0, len(list))
	for i, element := range list {
		here := pointer + "/" + strconv.Itoa(i)
		digest, hidden := hiddenElement(element)
		if !hidden {
			value, err := u.value(element, here, depth)
			if err != nil {
				return nil, err
			}
			open = append(open, value)
			continue
		}
		at, err := u.find(digest)
		if err != nil {
			return nil, err
		}
		if at < 0 {
			continue
		}
		if !u.list[at].Element {
			return nil, refused("A disclosure does not fit where its digest stands.")
		}
		value, err := u.place(at, here, depth)
		if err != nil {
			return nil, err
		}
		open = append(open, value)
	}
	return open, nil
}

// hiddenElement reads {"...": digest}, which stands for an element (section 4.2.4.2).
func hiddenElement(element any) (digest any, hidden bool) {
	object, ok := element.(map[string]any)
	if !ok || len(object) != 1 {
		return nil, false
	}
	digest, hidden = object[elementName]
	return digest, hidden
}

// find notes that a digest was met and returns the index of its disclosure, or -1.
func (u *unfolding) find(digest any) (int, error) {
	text, ok := digest.(string)
	if !ok || !isDigest(text) {
		return 0, refused("A digest is none.")
	}
	if u.met[text] {
		return 0, refused("A digest is there twice.")
	}
	if len(u.met) >= DigestsMax {
		return 0, refused("The credential has more than %d digests.", DigestsMax)
	}
	u.met[text] = true
	if at, ok := u.byDigest[text]; ok {
		return at, nil
	}
	return -1, nil
}

// place notes where a disclosure belongs and unfolds what it holds.
func (u *unfolding) place(at int, pointer string, depth int) (any, error) {
	u.pointers[at] = pointer
	return u.value(u.list[at].Value, pointer, depth)
}

// escape writes a name as a part of a JSON pointer (RFC 6901 section 3).
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
