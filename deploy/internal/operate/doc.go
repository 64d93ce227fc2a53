// Package operate has what the operator's command does to single rotations: it starts one, undoes one, and says what is
// half-way, due or held.
//
// Use Rotate, Undo and Status. Each decides in pure functions about what it has read, and returns plans and results
// that can be printed: none has a secret value.
package operate
