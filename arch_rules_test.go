package seyfert_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Limits on Go files and functions. Above a "Much" the inspection warns, above a "Max" it
// fails: a file is read in one sitting, a function on one screen.
const (
	linesMuch     = 400
	linesMax      = 600
	functionMuch  = 70
	folderDepth   = 2
	facesFloor    = 5 // from here up, tests furnish themselves with whole nodes
	exactFloorMax = 2 // floors up to this one never see the clock, chance or a float
)

// nothingNames are package names that say where code was put, not what it is.
var nothingNames = []string{
	"util", "utils", "common", "helper", "helpers", "misc", "types", "models", "shared", "lib",
	"base", "internal", "pkg", "manager", "service", "services",
}

// outside are the imports with which a room would do input or output of its own.
var outside = []string{
	"os", "os/exec", "net", "syscall", "database/sql", "log", "log/slog",
}

// inspection collects what is wrong with one house.
type inspection struct {
	root     string
	floors   map[string]int
	faults   []string
	warnings []string
	rooms    map[string]bool // folders with Go files -> one of them has a doc comment
}

// inspect reads every Go file under root and returns what breaks the plan, sorted.
func inspect(root string, floors map[string]int) (faults, warnings []string) {
	in := &inspection{root: root, floors: floors, rooms: map[string]bool{}}
	err := filepath.WalkDir(root, in.visit)
	if err != nil {
		in.fault("%v", err)
	}
	for room, documented := range in.rooms {
		in.room(room, documented)
	}
	for room := range floors {
		if _, built := in.rooms[room]; !built && room != "." {
			in.fault("%s: on a floor of arch_test.go, and there is no such room", room)
		}
	}
	slices.Sort(in.faults)
	slices.Sort(in.warnings)
	return slices.Compact(in.faults), in.warnings
}

func (in *inspection) fault(format string, args ...any) {
	in.faults = append(in.faults, fmt.Sprintf(format, args...))
}

func (in *inspection) warn(format string, args ...any) {
	in.warnings = append(in.warnings, fmt.Sprintf(format, args...))
}

// visit reads one file and keeps out of what is not this module's code.
func (in *inspection) visit(full string, entry fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	name, err := filepath.Rel(in.root, full)
	if err != nil {
		return err
	}
	name = filepath.ToSlash(name)
	if entry.IsDir() && name != "." {
		hidden := strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_")
		if hidden || entry.Name() == "testdata" || entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(full, "go.mod")); err == nil {
			return fs.SkipDir // another module
		}
	}
	if entry.IsDir() || !strings.HasSuffix(name, ".go") {
		return nil
	}
	return in.file(full, name)
}

// room judges a folder as a whole.
func (in *inspection) room(room string, documented bool) {
	if _, ok := in.floors[room]; !ok && room != "." {
		in.fault("%s: no floor in arch_test.go", room)
	}
	for part := range strings.SplitSeq(room, "/") {
		if slices.Contains(nothingNames, part) {
			in.fault("%s: the name %q says nothing about the domain", room, part)
		}
	}
	if strings.Count(room, "/") >= folderDepth {
		in.fault("%s: deeper than %d folders", room, folderDepth)
	}
	if !documented {
		in.fault("%s: no doc comment that starts with \"Package %s\"", room, path.Base(room))
	}
}

// file judges one Go file; name is its path under the root.
func (in *inspection) file(full, name string) error {
	source, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ParseComments)
	if err != nil {
		return err
	}
	room, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
	if lines := strings.Count(string(source), "\n"); lines > linesMax {
		in.fault("%s: %d lines, the most is %d", name, lines, linesMax)
	} else if lines > linesMuch {
		in.warn("%s: %d lines, aim at %d", name, lines, linesMuch)
	}
	in.clause(name, room, test, file)
	in.imports(name, room, test, file)
	if !test {
		in.functions(files, name, file)
	}
	floor, known := in.floors[room]
	if !test && known && (floor <= exactFloorMax || room == "core") {
		in.determinism(files, name, file)
	}
	return nil
}

// clause checks the package name and notes the doc comment.
func (in *inspection) clause(name, room string, test bool, file *ast.File) {
	have, want := file.Name.Name, path.Base(room)
	opening := "Package " + have
	switch {
	case room == ".":
		want = "seyfert"
	case have == "main" || test && have == "main_test":
		want, opening = "main", ""
	}
	if test {
		have = strings.TrimSuffix(have, "_test")
	}
	if have != want {
		in.fault("%s: package %s in folder %s", name, have, room)
	}
	documented := file.Doc != nil && strings.HasPrefix(file.Doc.Text(), opening)
	if !test || documented {
		in.rooms[room] = in.rooms[room] || documented
	}
}

// imports checks every arrow that leaves a file.
func (in *inspection) imports(name, room string, test bool, file *ast.File) {
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			in.fault("%s: %v", name, err)
			continue
		}
		in.arrow(name, room, test, target)
		if test && in.floors[room] >= facesFloor {
			continue
		}
		for _, refused := range never[room] {
			prefix, all := strings.CutSuffix(refused, "...")
			if target == refused || all && strings.HasPrefix(target, prefix) {
				in.fault("%s: %s never imports %s", name, room, target)
			}
		}
		if !test && slices.Contains(pure, room) && slices.Contains(outside, target) {
			in.fault("%s: a pure room never imports %s", name, target)
		}
	}
}

// arrow checks one import of a room of this house.
func (in *inspection) arrow(name, room string, test bool, target string) {
	to, ours := strings.CutPrefix(target, "seyfert/")
	if !ours || test && to == room {
		return // a black-box test imports the room it tests
	}
	below, known := in.floors[to]
	if !known {
		in.fault("%s: imports %s, which has no floor", name, target)
		return
	}
	if test && in.floors[room] >= facesFloor {
		return // a test of a face starts the nodes that it looks at
	}
	if floor, known := in.floors[room]; known && below >= floor {
		in.fault("%s: floor %d imports %s on floor %d", name, floor, target, below)
	}
}

// functions checks what every function of the house keeps to.
func (in *inspection) functions(files *token.FileSet, name string, file *ast.File) {
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		first, last := files.Position(function.Pos()).Line, files.Position(function.End()).Line
		if function.Name.Name == "init" && function.Recv == nil {
			in.fault("%s:%d: has an init function", name, first)
		}
		if lines := last - first + 1; lines > functionMuch {
			in.warn("%s:%d: %s has %d lines, the most is %d", name, first,
				function.Name.Name, lines, functionMuch)
		}
	}
}

// determinism checks a file whose every call must give the same answer on every replica:
// no clock, no chance, no float.
func (in *inspection) determinism(files *token.FileSet, name string, file *ast.File) {
	// A pure room does nothing by itself: no goroutine, no timer, no chance of the system.
	still := slices.Contains(pure, path.Dir(name))
	clock := ""
	for _, spec := range file.Imports {
		target, _ := strconv.Unquote(spec.Path.Value)
		if target == "math/rand" || target == "math/rand/v2" || still && target == "crypto/rand" {
			in.fault("%s: imports %s: randomness is passed in", name, target)
		}
		if target == "time" {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			from, ok := n.X.(*ast.Ident)
			read := []string{"Now", "Since", "Until"}
			if still {
				read = append(read, "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick")
			}
			if ok && clock != "" && from.Name == clock && slices.Contains(read, n.Sel.Name) {
				line := files.Position(n.Pos()).Line
				in.fault("%s:%d: reads the clock (time.%s)", name, line, n.Sel.Name)
			}
		case *ast.GoStmt:
			if still {
				in.fault("%s:%d: starts a goroutine", name, files.Position(n.Pos()).Line)
			}
		case *ast.Ident:
			if n.Name == "float64" || n.Name == "float32" {
				in.fault("%s:%d: uses %s", name, files.Position(n.Pos()).Line, n.Name)
			}
		case *ast.BasicLit:
			if n.Kind == token.FLOAT {
				in.fault("%s:%d: uses the float %s", name, files.Position(n.Pos()).Line, n.Value)
			}
		}
		return true
	})
}
