package fault_test

import (
	"errors"
	"fmt"
	"strings"
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

func TestAReasonAndAFieldMakeAnotherError(t *testing.T) {
	plain := fault.New(fault.Refused, "amount", "Too little.")
	told := plain.Because(fault.InsufficientFunds).At("items[3].amount")
	if plain.Reason != "" || plain.Field != "amount" {
		t.Errorf("an error that others may hold was changed: %+v", plain)
	}
	want := fault.Error{
		Code: fault.Refused, Field: "items[3].amount", Message: "Too little.",
		Reason: fault.InsufficientFunds,
	}
	if *told != want {
		t.Errorf("%+v, want %+v", *told, want)
	}
}

func TestReasonsAreWordsAndStandOnce(t *testing.T) {
	seen := map[fault.Reason]bool{}
	for _, reason := range fault.Reasons() {
		if reason == "" || strings.Trim(string(reason), "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("%q is no word", reason)
		}
		if seen[reason] {
			t.Errorf("%s stands twice", reason)
		}
		seen[reason] = true
	}
}
