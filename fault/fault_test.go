package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"seyfert/fault"
)

func TestOfFindsTheFaultInAnyWrap(t *testing.T) {
	refused := fault.New(fault.Refused, "amount", "Only %d won are there.", 7)
	wrapped := errors.Join(errors.New("beside"), fmt.Errorf("approve order: %w", refused))
	got, ok := fault.Of(wrapped)
	if !ok || got != refused {
		t.Fatalf("%v, %v", got, ok)
	}
	if _, ok := fault.Of(errors.New("amount: refused")); ok {
		t.Error("an error of our own was taken for a fault")
	}
	if _, ok := fault.Of(nil); ok {
		t.Error("no error was taken for a fault")
	}
}

func TestErrorNamesCodeAndField(t *testing.T) {
	for want, f := range map[string]*fault.Error{
		"refused: amount: Too little.": fault.New(fault.Refused, "amount", "Too little."),
		"unavailable: Starting.":       fault.New(fault.Unavailable, "", "Starting."),
	} {
		if f.Error() != want {
			t.Errorf("%q, want %q", f.Error(), want)
		}
	}
}
