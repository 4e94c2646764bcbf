package lifecycle

// tamper breaks a machine on purpose: what it answers, what it wants next, or what it is after each event.
type tamper struct {
	next    func(w *world) Action
	answer  func(w *world, c caller, out Answer) Answer
	machine func(m *Machine)
}
