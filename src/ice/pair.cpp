#include "ice/pair.hpp"

namespace esp_peer::ice {

void Check::cancel() {
  if (!running) return;
  cancelled = id;
  has_cancelled = true;
  running = to_write = nominating = false;
  timer.stop();
}

void Check::hash_state(StateHash& hash) const {
  hash.add(id);
  hash.add(cancelled);
  timer.hash_state(hash);
  hash.add(running << 3 | has_cancelled << 2 | to_write << 1 | static_cast<int>(nominating));
  hash.add(after_theirs);
}

void Pair::hash_state(StateHash& hash) const {
  hash.add(local << 8 | remote);
  hash.add(state);
  hash.add(seen_as);
  hash.add(heard << 2 | chosen << 1 | static_cast<int>(selected));
  hash.add(timeouts << 8 | conflicts);
  hash.add(triggered);
  hash.add(priority);
  hash.add(valid_since);
  hash.add(answered);
  check.hash_state(hash);
}

}  // namespace esp_peer::ice
