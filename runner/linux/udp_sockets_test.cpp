// Sockets on loopback, with every kind of offload, and with errors that a healthy kernel seldom
// gives: the program's own sendmsg() and sendto() answer for it.
#include "runner/linux/udp_sockets.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace {

struct Faults {
  std::deque<int> of_runs, of_singles;  // an errno for each coming call; 0 = no fault
  int runs = 0, singles = 0;            // calls that were made

  static int next(std::deque<int>& faults) {
    if (faults.empty()) return 0;
    const int fault = faults.front();
    if (faults.size() > 1 || fault == 0) faults.pop_front();  // the last one stays
    return fault;
  }
};
Faults faults;

}  // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  ++faults.runs;
  if (const int fault = Faults::next(faults.of_runs)) {
    errno = fault;
    return -1;
  }
  return syscall(SYS_sendmsg, fd, message, flags);
}

extern "C" ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to,
                          socklen_t to_size) {
  ++faults.singles;
  if (const int fault = Faults::next(faults.of_singles)) {
    errno = fault;
    return -1;
  }
  return syscall(SYS_sendto, fd, data, size, flags, to, to_size);
}

namespace esp_peer::linux_runner {
namespace {

const Address loopback = Address::v4(127, 0, 0, 1, 0);

std::string name_of(const Offload& offload) {
  return std::string(offload.segment ? "Gso" : "NoGso") + (offload.coalesce ? "Gro" : "NoGro");
}

// Two ends with one socket each, and what came at the far one.
struct Pair {
  explicit Pair(const Offload& offload) : near(offload), far(offload) {
    faults = {};
    from = near.open(std::span(&loopback, 1))[0];
    to = far.open(std::span(&loopback, 1))[0];
  }
  // Datagrams of these sizes, each filled with its number.
  void send(std::initializer_list<std::size_t> sizes) {
    TxBatch batch(room, runs);
    for (const std::size_t size : sizes) {
      ASSERT_GE(batch.room().size(), size);
      std::fill_n(batch.room().begin(), size, static_cast<std::byte>(sent++));
      batch.commit({from, to}, size);
    }
    near.send(batch);
  }
  // Waits for `count` datagrams, and no longer than the kernel may ever need.
  std::vector<std::size_t> receive(std::size_t count) {
    std::vector<std::size_t> sizes;
    while (sizes.size() < count) {
      pollfd wait{far.fd(0), POLLIN, 0};
      if (poll(&wait, 1, 5000) <= 0) break;
      far.receive([&](const Route& route, MutableBytes datagram) {
        EXPECT_EQ(route.local, to);
        EXPECT_EQ(route.remote, from);
        numbers.push_back(std::to_integer<int>(datagram.front()));
        for (const std::byte b : datagram) EXPECT_EQ(b, datagram.front());
        sizes.push_back(datagram.size());
      });
    }
    return sizes;
  }

  std::vector<std::byte> room = std::vector<std::byte>(512 * 1024);
  std::vector<TxBatch::Run> runs = std::vector<TxBatch::Run>(256);
  UdpSockets near, far;
  Address from, to;
  int sent = 0;
  std::vector<int> numbers;  // of the received
};

using Sizes = std::vector<std::size_t>;

class EveryOffload : public testing::TestWithParam<Offload> {};

TEST_P(EveryOffload, ARunWithAShorterTailArrivesAsTheSameDatagrams) {
  Pair pair(GetParam());
  pair.send({1200, 1200, 1200, 700});
  EXPECT_EQ(pair.receive(4), (Sizes{1200, 1200, 1200, 700}));
  EXPECT_EQ(pair.numbers, (std::vector<int>{0, 1, 2, 3}));
}

TEST_P(EveryOffload, UnequalDatagramsKeepTheirBordersAndOrder) {
  Pair pair(GetParam());
  pair.send({1, 1200, 2, 2, 1, 1200, 1200, 1199, 1200, 60'000});
  EXPECT_EQ(pair.receive(10), (Sizes{1, 1200, 2, 2, 1, 1200, 1200, 1199, 1200, 60'000}));
}

TEST_P(EveryOffload, LongRunsAreSplitAtTheKernelsBound) {
  Pair pair(GetParam());
  TxBatch batch(pair.room, pair.runs);
  for (int i = 0; i < 150; ++i) {
    std::fill_n(batch.room().begin(), 1188, static_cast<std::byte>(i));
    batch.commit({pair.from, pair.to}, 1188);
  }
  pair.near.send(batch);
  EXPECT_EQ(pair.receive(150), Sizes(150, 1188));
  for (int i = 0; i < 150; ++i) EXPECT_EQ(pair.numbers[static_cast<std::size_t>(i)], i);
}

TEST_P(EveryOffload, TwoPeersAreToldApart) {
  UdpSockets a(GetParam()), b(GetParam()), c(GetParam());
  const Address from_a = a.open(std::span(&loopback, 1))[0];
  const Address from_b = b.open(std::span(&loopback, 1))[0];
  const Address to = c.open(std::span(&loopback, 1))[0];
  std::array<std::byte, 4096> room{};
  std::array<TxBatch::Run, 4> runs;
  for (auto* sockets : {&a, &b}) {
    TxBatch batch(room, runs);
    for (int i = 0; i < 3; ++i) batch.commit({sockets == &a ? from_a : from_b, to}, 100);
    sockets->send(batch);
  }
  std::map<std::uint16_t, int> came;
  for (int i = 0; i < 6;) {
    pollfd wait{c.fd(0), POLLIN, 0};
    ASSERT_GT(poll(&wait, 1, 5000), 0);
    c.receive([&](const Route& route, MutableBytes) {
      ++came[route.remote.port];
      ++i;
    });
  }
  EXPECT_EQ(came[from_a.port], 3);
  EXPECT_EQ(came[from_b.port], 3);
}

INSTANTIATE_TEST_SUITE_P(, EveryOffload,
                         testing::Values(Offload{true, true}, Offload{true, false},
                                         Offload{false, true}, Offload{false, false}),
                         [](const auto& test) { return name_of(test.param); });

TEST(UdpSockets, ARunIsOneCall) {
  Pair pair({});
  pair.send({1000, 1000, 1000, 1000});
  EXPECT_EQ(faults.runs, 1);
  EXPECT_EQ(faults.singles, 0);
  EXPECT_EQ(pair.receive(4).size(), 4u);
}

TEST(UdpSockets, ADeviceWithoutSegmentationIsAskedOnce) {
  for (const int error : {EIO, ENOPROTOOPT, EOPNOTSUPP}) {
    Pair pair({});
    faults.of_runs = {error};
    pair.send({1000, 1000});
    pair.send({1000, 1000});
    EXPECT_EQ(faults.runs, 1) << error;
    EXPECT_EQ(pair.receive(4), Sizes(4, 1000)) << error;
  }
}

// covers: bug 81, fault 9
TEST(UdpSockets, ARunTooLargeForThePathGoesInPieces) {
  for (const int error : {EINVAL, EMSGSIZE}) {
    Pair pair({});
    faults.of_runs = {error, 0};
    pair.send({1000, 1000});
    pair.send({1000, 1000});
    EXPECT_EQ(faults.runs, 2) << error;
    EXPECT_EQ(pair.receive(4), Sizes(4, 1000)) << error;
  }
}

// covers: bug 81, fault 9
TEST(UdpSockets, ErrorsOfTheNetworkAreLosses) {
  for (const int error :
       {ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EPERM, EMSGSIZE, ENOBUFS, EACCES, ENETDOWN}) {
    Pair pair({});
    faults.of_singles = {error, 0};
    pair.send({700});
    pair.send({600});
    EXPECT_TRUE(pair.near.can_send()) << error;
    EXPECT_EQ(pair.receive(1), Sizes{600}) << error;
  }
}

TEST(UdpSockets, AnEarlierDatagramsRefusalCostsARunNothing) {
  Pair pair({});
  faults.of_runs = {ECONNREFUSED, 0};
  pair.send({1000, 1000, 500});
  EXPECT_EQ(pair.receive(3), (Sizes{1000, 1000, 500}));
}

// covers: bug 81, fault 9
TEST(UdpSockets, AnInterruptedCallIsMadeAgain) {
  Pair pair({});
  faults.of_runs = {EINTR, EINTR, 0};
  faults.of_singles = {EINTR, 0};
  pair.send({1000, 1000});
  pair.send({300});
  EXPECT_EQ(pair.receive(3), (Sizes{1000, 1000, 300}));
}

// covers: bug 81, fault 9
TEST(UdpSockets, WhatAFullKernelDoesNotTakeIsKeptInOrder) {
  Pair pair({});
  faults.of_runs = {EAGAIN};
  faults.of_singles = {EAGAIN};
  pair.send({1000, 1000, 400});
  EXPECT_FALSE(pair.near.can_send());
  pair.send({200});
  pair.near.flush();
  EXPECT_FALSE(pair.near.can_send()) << "still full";
  faults.of_runs = faults.of_singles = {};
  pair.near.flush();
  EXPECT_TRUE(pair.near.can_send());
  EXPECT_EQ(pair.receive(4), (Sizes{1000, 1000, 400, 200}));
  EXPECT_EQ(pair.numbers, (std::vector<int>{0, 1, 2, 3}));
}

// covers: bug 81, fault 9
TEST(UdpSockets, APartOfARunThatWentOutIsNotSentTwice) {
  Pair pair({.segment = false});
  faults.of_singles = {0, 0, EAGAIN};
  pair.send({1000, 1000, 1000, 300});
  EXPECT_FALSE(pair.near.can_send());
  faults.of_singles = {};
  pair.near.flush();
  EXPECT_EQ(pair.receive(4), (Sizes{1000, 1000, 1000, 300}));
  EXPECT_EQ(pair.numbers, (std::vector<int>{0, 1, 2, 3}));
}

// Sockets with room would wake the loop at once, over and over, until the full one has some.
TEST(UdpSockets, OnlyTheFullSocketIsWaitedFor) {
  Pair pair({});
  const Address two[] = {loopback, Address::v4(127, 0, 0, 2, 0)};
  pair.from = pair.near.open(two)[1];
  EXPECT_EQ(pair.near.blocked_fd(), -1);
  faults.of_runs = faults.of_singles = {EAGAIN};
  pair.send({1000, 1000});
  EXPECT_EQ(pair.near.blocked_fd(), pair.near.fd(1));
  faults.of_runs = faults.of_singles = {};
  pair.near.flush();
  EXPECT_EQ(pair.near.blocked_fd(), -1);
  EXPECT_EQ(pair.receive(2), (Sizes{1000, 1000}));
}

// covers: fault 17
TEST(UdpSockets, TheBacklogIsBounded) {
  Pair pair({});
  faults.of_runs = faults.of_singles = {EAGAIN};
  std::size_t sent = 0;
  for (; sent < 1'000; ++sent) pair.send({1000});
  faults.of_runs = faults.of_singles = {};
  pair.near.flush();
  EXPECT_TRUE(pair.near.can_send());
  const std::size_t kept = pair.receive(256 * 1024 / 1000).size();
  EXPECT_EQ(kept, 256u * 1024 / 1000) << "of " << sent;
}

// Whoever floods us has no more than a turn; then timers have theirs.
// covers: bug 35
TEST(UdpSockets, ATurnReadsNoMoreThanItsShareAndTheRestWaits) {
  Pair pair({.coalesce = false});
  for (int i = 0; i < 50; ++i) pair.send({100});
  std::size_t first = 0, all = 0;
  pair.far.receive([&](const Route&, MutableBytes) { ++first; });
  EXPECT_GT(first, 0u);
  EXPECT_LT(first, 50u);
  all = first;
  for (int turn = 0; turn < 50 && all < 50; ++turn) {
    pair.far.receive([&](const Route&, MutableBytes) { ++all; });
  }
  EXPECT_EQ(all, 50u);
}

TEST(UdpSockets, AnEmptyDatagramDoesNotHideTheNext) {
  Pair pair({});
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(pair.to.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::sendto(fd, "", 0, 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  ::close(fd);
  pair.send({100});
  EXPECT_EQ(pair.receive(1), Sizes{100});
}

TEST(UdpSockets, ASinkThatClosesTheSocketsHearsNoMore) {
  Pair pair({});
  pair.send({1000, 1000, 1000});
  pollfd wait{pair.far.fd(0), POLLIN, 0};
  ASSERT_GT(poll(&wait, 1, 5000), 0);
  int heard = 0;
  pair.far.receive([&](const Route&, MutableBytes) {
    ++heard;
    pair.far.close();
  });
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(pair.far.size(), 0u);
}

TEST(UdpSockets, AnAddressThatIsNotOursIsLeftOut) {
  UdpSockets sockets;
  const Address addresses[] = {Address::v4(192, 0, 2, 1, 0), loopback};
  const auto bound = sockets.open(addresses);
  ASSERT_EQ(bound.size(), 1u);
  EXPECT_TRUE(bound[0].is_loopback());
  EXPECT_NE(bound[0].port, 0);
}

TEST(UdpSockets, NothingGoesOutFromAClosedOne) {
  Pair pair({});
  pair.near.close();
  pair.send({100});
  EXPECT_EQ(faults.singles + faults.runs, 0);
  EXPECT_TRUE(pair.near.can_send());
}

}  // namespace
}  // namespace esp_peer::linux_runner
