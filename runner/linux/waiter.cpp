#include "runner/linux/waiter.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace esp_peer::linux_runner {
namespace {

constexpr Duration longest_wait = seconds(3600);

}  // namespace

Waiter::Waiter()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (ok()) add(event_);
}

Waiter::~Waiter() {
  if (event_ >= 0) close(event_);
  if (epoll_ >= 0) close(epoll_);
}

bool Waiter::add(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return false;
  if (fd == full_) full_ = -1;  // that one is closed, and this has got its number
  return true;
}

void Waiter::want_writable(int fd) {
  if (fd == full_) return;
  watch(full_, EPOLLIN);
  watch(fd, EPOLLIN | EPOLLOUT);
  full_ = fd;
}

// Says nothing of one that is closed, or none.
void Waiter::watch(int fd, unsigned events) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Waiter::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(event_, &one, sizeof(one)));  // full means awake already
}

void Waiter::wait(Instant now, Instant until) {
  const Duration left = std::clamp(until - now, Duration(0), longest_wait);
  const timespec timeout{left.count() / 1'000'000, left.count() % 1'000'000 * 1000};
  epoll_event events[8];
  int n = epoll_pwait2(epoll_, events, 8, &timeout, nullptr);
  // Before Linux 5.11 there is none, and a sandbox that does not know it says EPERM: whole
  // milliseconds, never too early.
  if (n < 0 && errno != EINTR) {
    n = epoll_wait(epoll_, events, 8, static_cast<int>((left.count() + 999) / 1000));
  }
  for (int i = 0; i < n; ++i) {
    if (events[i].data.fd != event_) continue;
    std::uint64_t count = 0;
    static_cast<void>(!read(event_, &count, sizeof(count)));
  }
}

}  // namespace esp_peer::linux_runner
