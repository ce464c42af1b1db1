// Deadlines are only bounded from below: a busy machine may always be late.
#include "runner/linux/waiter.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "runner/linux/clock.hpp"

namespace {

int fault_of_wait = 0;  // what epoll_pwait2() answers, if not what the kernel does

}  // namespace

extern "C" int epoll_pwait2(int epoll, epoll_event* events, int count, const timespec* timeout,
                            const sigset_t*) {
  if (fault_of_wait == 0) {
    return static_cast<int>(
        syscall(SYS_epoll_pwait2, epoll, events, count, timeout, nullptr, size_t{8}));
  }
  errno = fault_of_wait;
  return -1;
}

namespace esp_peer::linux_runner {
namespace {

constexpr Duration for_ever = seconds(3600);  // ctest ends a test that really waits for it

TEST(Waiter, WaitsUntilTheDeadlineAndNotABitLess) {
  Waiter waiter;
  ASSERT_TRUE(waiter.ok());
  for (const std::int64_t us : {1, 10, 150, 1700, 2000}) {
    const Instant until = now() + Duration(us);
    waiter.wait(now(), until);
    EXPECT_GE(now(), until) << us;
  }
}

// Old kernels say the one, old sandboxes on new kernels the other; neither makes the loop spin.
TEST(Waiter, SleepsWhereTheKernelOrASandboxHasNoFineWait) {
  for (const int fault : {ENOSYS, EPERM}) {
    fault_of_wait = fault;
    Waiter waiter;
    const Instant until = now() + milliseconds(3);
    waiter.wait(now(), until);
    EXPECT_GE(now(), until) << fault;
    waiter.wake();
    waiter.wait(now(), now() + for_ever);
  }
  fault_of_wait = 0;
}

TEST(Waiter, ADeadlineThatHasPassedIsNotWaitedFor) {
  Waiter waiter;
  waiter.wait(now(), now() - seconds(5));
  waiter.wait(now(), Instant::min() + seconds(1'000'000));
}

TEST(Waiter, AWakeFromAnotherThreadEndsTheWait) {
  Waiter waiter;
  const Instant begin = now();
  std::thread other([&] { waiter.wake(); });
  waiter.wait(begin, begin + for_ever);
  other.join();
  EXPECT_LT(now(), begin + for_ever);
}

TEST(Waiter, AWakeBeforeTheWaitIsNotLostAndCountsOnce) {
  Waiter waiter;
  waiter.wake();
  waiter.wake();
  waiter.wait(now(), now() + for_ever);
  const Instant until = now() + milliseconds(2);
  waiter.wait(now(), until);
  EXPECT_GE(now(), until) << "woken twice by what was one";
}

TEST(Waiter, AReadableDescriptorEndsTheWaitAndAClosedOneIsForgotten) {
  Waiter waiter;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  ASSERT_TRUE(waiter.add(ends[0]));
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  waiter.wait(now(), now() + for_ever);
  close(ends[0]);
  close(ends[1]);
  const Instant until = now() + milliseconds(2);
  waiter.wait(now(), until);
  EXPECT_GE(now(), until);
}

TEST(Waiter, WaitsForRoomOnlyWhenAsked) {
  Waiter waiter;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  ASSERT_TRUE(waiter.add(ends[0]));
  Instant until = now() + milliseconds(2);
  waiter.wait(now(), until);
  EXPECT_GE(now(), until) << "writable, but nobody asked";
  waiter.want_writable(ends[0]);
  waiter.wait(now(), now() + for_ever);
  waiter.want_writable(-1);
  until = now() + milliseconds(2);
  waiter.wait(now(), until);
  EXPECT_GE(now(), until);
  close(ends[0]);
  close(ends[1]);
}

// Sockets are closed and opened while one of them is waited for.
TEST(Waiter, WaitsForRoomOfASocketThatGotTheNumberOfAnother) {
  Waiter waiter;
  int number = -1;
  for (int i = 0; i < 2; ++i) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (i == 1) {
      ASSERT_EQ(fd, number);
    }
    number = fd;
    ASSERT_TRUE(waiter.add(fd));
    const Instant until = now() + milliseconds(2);
    waiter.wait(now(), until);
    EXPECT_GE(now(), until) << "nobody asked for this one";
    waiter.want_writable(fd);
    const Instant begin = now();
    waiter.wait(begin, begin + seconds(20));
    EXPECT_LT(now(), begin + seconds(20));
    close(fd);
  }
}

}  // namespace
}  // namespace esp_peer::linux_runner
