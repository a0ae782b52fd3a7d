package seyfert_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestArchitectureDrawsTheFloors holds the picture in ARCHITECTURE.md to the floor table: each
// room stands on the line of its floor and on no other, and each folder with code is drawn.
func TestArchitectureDrawsTheFloors(t *testing.T) {
	drawn := floorsDrawn(t, mustRead(t, "ARCHITECTURE.md"))
	for room, floor := range floors {
		if room == "." {
			continue
		}
		if at, ok := drawn[room]; !ok || at != floor {
			t.Errorf("ARCHITECTURE.md: %s is on floor %d and is not drawn there", room, floor)
		}
	}
	in := &inspection{root: ".", floors: floors, rooms: map[string]bool{}}
	if err := filepath.WalkDir(".", in.visit); err != nil {
		t.Fatal(err)
	}
	for room := range in.rooms {
		if _, ok := drawn[room]; !ok && room != "." {
			t.Errorf("ARCHITECTURE.md: the room %s is not drawn", room)
		}
	}
}

// floorsDrawn reads the lines "  | 3 | core chain ... | what |" of the picture, which alone are
// indented.
func floorsDrawn(tb testing.TB, text string) map[string]int {
	tb.Helper()
	line := regexp.MustCompile(`(?m)^  \| (\d) \| ([a-z/ ]+?) *\|`)
	drawn := map[string]int{}
	for _, found := range line.FindAllStringSubmatch(text, -1) {
		floor, err := strconv.Atoi(found[1])
		if err != nil {
			tb.Fatal(err)
		}
		for _, room := range strings.Fields(found[2]) {
			if _, twice := drawn[room]; twice {
				tb.Errorf("ARCHITECTURE.md: %s is drawn twice", room)
			}
			drawn[room] = floor
		}
	}
	return drawn
}

// TestDocsNameWhatExists finds every `file.go:Function` of the documents and looks for it.
func TestDocsNameWhatExists(t *testing.T) {
	place := regexp.MustCompile("`([a-z_/]+\\.go):([A-Za-z_.]+)`")
	count := 0
	for _, document := range documents(t) {
		for _, found := range place.FindAllStringSubmatch(mustRead(t, document), -1) {
			count++
			if !slices.Contains(functionsOf(t, found[1]), found[2]) {
				t.Errorf("%s: %s has no function %s", document, found[1], found[2])
			}
		}
	}
	if count == 0 {
		t.Error("no document names a function")
	}
}

// documents lists the texts that are held to the code.
func documents(tb testing.TB) []string {
	tb.Helper()
	list := []string{"ARCHITECTURE.md"}
	for _, pattern := range []string{"docs/*.md", "docs/adr/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

// functionsOf lists what a file declares: each function by its name, each method also as
// Type.Name.
func functionsOf(tb testing.TB, name string) []string {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		tb.Errorf("a file that a document names: %v", err)
		return nil
	}
	var names []string
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		names = append(names, function.Name.Name)
		if function.Recv != nil {
			of := types.ExprString(function.Recv.List[0].Type)
			names = append(names, strings.TrimPrefix(of, "*")+"."+function.Name.Name)
		}
	}
	return names
}

// TestLimitsAreListed holds docs/limits.md to the constants of the code: each exported constant
// whose name ends in Max stands there, and each row there has the value that the code has.
func TestLimitsAreListed(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+\\.[A-Za-z]+)` \\| `([^`]+)` \\|")
	listed := map[string]string{}
	for _, found := range row.FindAllStringSubmatch(mustRead(t, "docs/limits.md"), -1) {
		listed[found[1]] = found[2]
	}
	limits := constants(t)
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		exported := ast.IsExported(name[strings.LastIndex(name, ".")+1:])
		if _, ok := listed[name]; !ok && exported && strings.HasSuffix(name, "Max") {
			t.Errorf("docs/limits.md: %s = %s is missing", name, limits[name])
		}
	}
	for name, value := range listed {
		if have, ok := limits[name]; !ok || have != value {
			t.Errorf("docs/limits.md: %s = %s, the code has %q", name, value, have)
		}
	}
}

// constants maps each constant of the module, as folder.Name, to its value as it is written.
func constants(tb testing.TB) map[string]string {
	tb.Helper()
	values := map[string]string{}
	visit := func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		apart := []string{"tools", "testdata", ".git"}
		if entry.IsDir() && slices.Contains(apart, entry.Name()) {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, spec := range constantSpecs(file) {
			for i, value := range spec.Values {
				values[path.Dir(name)+"."+spec.Names[i].Name] = types.ExprString(value)
			}
		}
		return nil
	}
	if err := filepath.WalkDir(".", visit); err != nil {
		tb.Fatal(err)
	}
	return values
}

func constantSpecs(file *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			specs = append(specs, spec.(*ast.ValueSpec))
		}
	}
	return specs
}

func mustRead(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
