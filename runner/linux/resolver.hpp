// Looks names up where nobody has to wait for it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace esp_peer::linux_runner {

class Resolver {
 public:
  // Called on a thread of ours, one at a time, or inside resolve() when there is nothing to wait
  // for; must not call the resolver. Empty when the name has no address.
  using Done = std::function<void(std::vector<Address>)>;

  Resolver();
  Resolver(const Resolver&) = delete;
  // Forgets what is on its way: no Done is called after this.
  ~Resolver();

  // At most max_queue names wait; a further one is answered with nothing, at once. So is an address
  // in text, with itself, port 0.
  void resolve(std::string name, bool ipv6, Done done);

 private:
  static constexpr std::size_t max_queue = 32;
  struct State;
  class Workers;
  // Shared with the threads, which may hang in a look-up for longer than we live.
  std::shared_ptr<State> state_;
};

}  // namespace esp_peer::linux_runner
