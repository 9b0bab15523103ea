// SPDX-License-Identifier: Apache-2.0

package problem

import "slices"

// Code is the number by which a problem is known for good. A code is never used again for anything
// else.
type Code string

// Codes of reading the document: files, encoding and YAML.
const (
	FileUnreadable  Code = "K8OR-0001"
	FileTooLarge    Code = "K8OR-0002"
	FileEmpty       Code = "K8OR-0003"
	NotUTF8         Code = "K8OR-0004"
	BadYAML         Code = "K8OR-0005"
	SeveralDocs     Code = "K8OR-0006"
	AliasBomb       Code = "K8OR-0007"
	TooDeep         Code = "K8OR-0008"
	TabIndent       Code = "K8OR-0009"
	FileReadOnly    Code = "K8OR-0010"
	CannotEdit      Code = "K8OR-0011"
	NotADocument    Code = "K8OR-0012"
	UnsupportedYAML Code = "K8OR-0013"
	ManyProblems    Code = "K8OR-0014"
)

// Codes of the document's shape. Those of its rules are named in api/v1alpha1.
const (
	UnknownField  Code = "K8OR-0101"
	WrongType     Code = "K8OR-0102"
	DuplicateKey  Code = "K8OR-0103"
	SecretLiteral Code = "K8OR-0108"
	BadOptions    Code = "K8OR-0205"
	ProductCannot Code = "K8OR-0206"
)

// Codes of clouds: tokens, limits and answers.
const (
	NoToken         Code = "K8OR-1001"
	BadToken        Code = "K8OR-1002"
	MissingScope    Code = "K8OR-1003"
	WrongAccount    Code = "K8OR-1004"
	OverLimit       Code = "K8OR-1005"
	RegionLacks     Code = "K8OR-1006"
	RateLimited     Code = "K8OR-1007"
	CloudFailing    Code = "K8OR-1008"
	CloudOutOfReach Code = "K8OR-1009"
	NameTaken       Code = "K8OR-1010"
	CloudRefused    Code = "K8OR-1011"
	NotFound        Code = "K8OR-1012"
	AccountLocked   Code = "K8OR-1013"
	EndedInError    Code = "K8OR-1014"
	NotDowngradable Code = "K8OR-1015"
	NotChangeable   Code = "K8OR-1016"
)

// Codes of a run: steps, waits, approval, locks and what is left.
const (
	StepFailed    Code = "K8OR-2001"
	WaitTooLong   Code = "K8OR-2002"
	HeldForYes    Code = "K8OR-2003"
	LockHeld      Code = "K8OR-2004"
	Stopped       Code = "K8OR-2005"
	LeftBehind    Code = "K8OR-2006"
	DataUndecided Code = "K8OR-2007"
	PlanStale     Code = "K8OR-2008"
	DoesNotFit    Code = "K8OR-2009"
	OverBudget    Code = "K8OR-2010"
	NoIdentity    Code = "K8OR-2011"
	Unobservable  Code = "K8OR-2012"
	Protected     Code = "K8OR-2013"
	Namesake      Code = "K8OR-2014"
)

// Codes of the cluster's inside: its API, objects and charts.
const (
	ClusterOutOfReach Code = "K8OR-3001"
	NotReady          Code = "K8OR-3002"
	ApplyRefused      Code = "K8OR-3003"
	Conflict          Code = "K8OR-3004"
	ChartMissing      Code = "K8OR-3005"
	ChartChanged      Code = "K8OR-3006"
	ChartHook         Code = "K8OR-3007"
	ChartRender       Code = "K8OR-3008"
	ManifestsInvalid  Code = "K8OR-3009"
	SecretMissing     Code = "K8OR-3010"
	ProbeFailed       Code = "K8OR-3021"
	NoProbeImage      Code = "K8OR-3022"
	NoBackups         Code = "K8OR-3031"
	BackupFailed      Code = "K8OR-3032"
	RestoreFailed     Code = "K8OR-3033"
)

// Codes of the command line and of this machine.
const (
	BadUsage       Code = "K8OR-4001"
	NeedsTerminal  Code = "K8OR-4002"
	NotConfirmed   Code = "K8OR-4003"
	NoDocument     Code = "K8OR-4004"
	FileExists     Code = "K8OR-4005"
	DiskFull       Code = "K8OR-4006"
	CannotWrite    Code = "K8OR-4007"
	NotImplemented Code = "K8OR-4008"
)

// Codes of the sandbox and its companions.
const (
	CompanionMissing  Code = "K8OR-5001"
	CompanionProtocol Code = "K8OR-5002"
	SandboxNotRunning Code = "K8OR-5003"
	SandboxFailed     Code = "K8OR-5004"
)

// Unexpected is an error nobody has given a code to: a mistake in k8or.
const Unexpected Code = "K8OR-9001"

// Entry is a line of the table of codes.
type Entry struct {
	Code    Code
	Meaning string
}

// Codes is the table of all codes in order, each with what it means.
func Codes() []Entry {
	all := slices.Clone(entries)
	slices.SortFunc(all, func(a, b Entry) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return all
}

// Meaning is what a code means, or empty for one that is not in the table.
func Meaning(code Code) string {
	for _, e := range entries {
		if e.Code == code {
			return e.Meaning
		}
	}
	return ""
}
