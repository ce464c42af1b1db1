// Sleeps until a socket has something, a deadline has come, or another thread says wake().
#pragma once
#include <optional>

#include "base/time.hpp"

namespace esp_peer::linux_runner {

class Waiter {
 public:
  Waiter();
  Waiter(const Waiter&) = delete;
  ~Waiter();

  // False when the system has no descriptors left.
  bool ok() const { return epoll_ >= 0 && event_ >= 0; }
  bool add(int fd);  // removed by closing fd
  // A descriptor that was added and has no room ends the wait when it has some; -1 = none.
  void want_writable(int fd);

  // Ends the wait that is on, or the next one. From any thread.
  void wake();
  // Returns at once when `until` has passed.
  void wait(Instant now, Instant until);
  // Readable while there is something that would end a wait.
  int fd() const { return epoll_; }

 private:
  void watch(int fd, unsigned events) const;

  int epoll_ = -1, event_ = -1;
  int full_ = -1;
};

}  // namespace esp_peer::linux_runner
