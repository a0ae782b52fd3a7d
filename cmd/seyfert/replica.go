package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"seyfert/journal"
	"seyfert/server"
)

// runJoin makes this machine a replica of a node that runs elsewhere.
func runJoin(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("join", flag.ContinueOnError)
	dir := flags.String("dir", "", "the new replica's directory, which is made")
	listen := flags.String("listen", "", "the address of its HTTP port")
	replicaListen := flags.String("replica-listen", "", "where it takes the other replicas' calls")
	advertise := flags.String("replica-advertise", "", "where the others reach it, if elsewhere")
	leader := flags.String("leader", "", "a replica of the node, NAME@HOST:PORT")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	for _, needed := range [][2]string{
		{"--dir DIR", *dir},
		{"--listen HOST:PORT", *listen},
		{"--replica-listen HOST:PORT", *replicaListen},
		{"--leader NAME@HOST:PORT of a replica", *leader},
	} {
		if needed[1] == "" {
			return usageError(needed[0] + " is needed")
		}
	}
	member, err := server.ParseReplica(*leader)
	if err != nil {
		return usageError("--leader: " + err.Error() + ". seyfert replica list shows the names")
	}
	path, err := filepath.Abs(*dir)
	if err != nil {
		return err
	}
	joined, err := server.Join(ctx, server.JoinConfig{
		Dir: path, Listen: *listen, ReplicaListen: *replicaListen, ReplicaAdvertise: *advertise,
		Member: member,
	}, func(step string) { fmt.Fprintf(out, "join: %s\n", step) })
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	fmt.Fprintf(out, "join: done: %s has a new replica. Compare %s with this machine, then run: "+
		"seyfert serve --config %s\n", joined.DID, joined.Config, joined.Config)
	return nil
}

// runReplica gives orders about a node's replicas to the one that runs on this machine.
func runReplica(ctx context.Context, args []string, out, errOut io.Writer) error {
	order, rest, err := replicaOrder(args)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("replica "+order.Do, flag.ContinueOnError)
	config := flags.String("config", "", "the configuration of the replica on this machine")
	if err := parse(flags, rest, errOut); err != nil {
		return err
	}
	cfg, err := readConfig(*config)
	if err != nil {
		return err
	}
	answer, err := server.OrderReplicas(ctx, cfg, order)
	if err != nil {
		return fmt.Errorf("replica %s: %w", order.Do, err)
	}
	return printReplicas(out, answer)
}

// replicaOrder reads what comes before the flags, or after them. A name may begin with a dash.
func replicaOrder(args []string) (order server.ReplicaOrder, rest []string, err error) {
	verbs := []string{
		server.ReplicaList, server.ReplicaAdd, server.ReplicaRemove, server.ReplicaTransfer,
	}
	if len(args) == 0 || !slices.Contains(verbs, args[0]) {
		return order, nil, usageError("seyfert replica " + strings.Join(verbs, "|") + " --config FILE")
	}
	order.Do, rest = args[0], args[1:]
	if order.Do == server.ReplicaList || order.Do == server.ReplicaTransfer {
		return order, rest, nil
	}
	wanted := "NAME@HOST:PORT, as seyfert join printed it,"
	read := func(text string) (err error) {
		var r journal.Replica
		r, err = server.ParseReplica(text)
		order.ID, order.Address = r.ID, r.Address
		return err
	}
	if order.Do == server.ReplicaRemove {
		wanted = "the replica's NAME, as seyfert replica list shows it,"
		read = func(text string) error {
			order.ID = journal.ReplicaID(text)
			_, err := order.ID.Key()
			return err
		}
	}
	var refused error
	for _, at := range []int{0, len(rest) - 1} {
		if at < 0 {
			break
		}
		if err := read(rest[at]); err == nil {
			return order, slices.Delete(slices.Clone(rest), at, at+1), nil
		} else if refused == nil && !strings.HasPrefix(rest[at], "--") {
			refused = err
		}
	}
	if refused != nil {
		return order, nil, usageError(fmt.Sprintf("%s is needed: %v", wanted, refused))
	}
	return order, nil, usageError(wanted + " is needed")
}

func printReplicas(out io.Writer, answer server.ReplicaAnswer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tADDRESS\tROLE\tENTRY\tSTATE")
	leads := false
	for _, r := range answer.Replicas {
		role, state := "follows", "answers"
		switch {
		case r.Leads:
			role, leads = "leads", true
		case r.Votes:
			role = "votes"
		}
		switch {
		case r.ID == answer.Self:
			state = "this machine's"
		case !r.Answers && !r.Votes:
			state = "was added and does not answer yet"
		case !r.Answers:
			state = "does not answer"
		case !r.Votes:
			state = "joins: gets a vote when it has caught up"
		}
		entry := "-"
		if r.Index > 0 {
			entry = fmt.Sprint(r.Index)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Address, role, entry, state)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if !leads {
		fmt.Fprintln(out, "No replica leads: the node takes no changes until a majority answers.")
	}
	return nil
}
