"""The crash driver: mixed messages from many clients while parts are killed, and a count of every copy at the end.

  cases     one message of each kind, what is due for it, and its tokens
  senders   clients that repeat a message until it got 250 or 5xx, and vanish now and then
  killer    kill -9, ordered ends and reloads, by pid, at points drawn from the seed
  ledger    every copy that can be found, wherever it lies
  verdict   copies against what was due: lost, doubled, misdelivered, leaked
  run       all of it together
"""
