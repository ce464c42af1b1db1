// Faults that the kernel makes: a process that is killed, sockets that break, datagrams that it
// refuses to send, descriptors that run out; and cycles that are cut short.
#include <dirent.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <random>
#include <set>

#include "tests/capi/local_network.hpp"
#include "tests/capi/other_process.hpp"
#include "tests/support/heap/heap_in_use.hpp"

namespace esp_peer::test {
namespace {

std::set<int> open_descriptors() {
  std::set<int> found;
  DIR* const directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != dirfd(directory)) {
      found.insert(std::atoi(entry->d_name));
    }
  }
  closedir(directory);
  return found;
}
bool is_udp(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

// The killed one says nothing any more, and the kernel refuses for it; the sockets that broke say
// that they are none. Both take the six seconds of a loss, side by side.
// covers: fault 1, fault 9, bug 81, changelog 63
TEST(Faults, a_process_that_is_killed_and_sockets_that_break_are_noticed) {
  WithAnotherProcess killed(false);
  killed.connect();
  ASSERT_TRUE(killed.echoes());
  const auto before = open_descriptors();
  Couple broken;
  for (Peer* p : {&broken.cat, &broken.sheep}) p->ext.base.alive_binding_retries = 1;
  broken.connect_with_channel();

  killed.other.send(SIGKILL);
  int sockets = 0;
  for (const int fd : open_descriptors()) {
    if (before.contains(fd) || !is_udp(fd)) continue;
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ASSERT_EQ(dup2(nothing, fd), fd);
    ::close(nothing);
    ++sockets;
  }
  EXPECT_EQ(sockets, 2);
  EXPECT_EQ(broken.cat.send("nobody hears this"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(killed.cat.wait_state(ESP_PEER_STATE_DISCONNECTED));
  EXPECT_TRUE(broken.both_wait(ESP_PEER_STATE_DISCONNECTED));
  EXPECT_EQ(broken.cat.opened.size(), broken.cat.closed.size());
  // Who comes in its place is met by the same handle.
  killed.cat.forget();
  const OtherProcess successor(killed.cat);
  ASSERT_EQ(esp_peer_new_connection(killed.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(killed.cat.wait_state(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  EXPECT_TRUE(killed.echoes());
}

// covers: fault 9, bug 81, changelog 24
TEST(Faults, remote_addresses_that_cannot_be_sent_to_cost_nothing) {
  Couple c;
  const auto with_more = [](std::string sdp) {
    // No route, refused, forbidden, nonsense.
    for (const char* address : {"203.0.113.1 9", "127.0.0.1 9", "255.255.255.255 9", "0.0.0.0 9",
                                "224.0.0.1 9", "127.0.0.1 0"}) {
      sdp += std::string("a=candidate:9 1 udp 2130706431 ") + address + " typ host\r\n";
    }
    return sdp;
  };
  c.cat.carry = c.sheep.carry = with_more;
  c.connect_here();
  ASSERT_EQ(c.cat.send("all the same"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return !c.sheep.messages.empty(); }));
}

// The rules of a network that is our own: of the machine's none is touched.
bool rule(const std::string& text) { return std::system(("nft '" + text + "'").c_str()) == 0; }
// The same tests over another TLS library may run in the same network at the same time.
std::string table_of_ours() { return "inet esp_peer_" + std::to_string(getpid()); }
bool in_a_network_of_our_own() {
  struct if_nameindex* const all = if_nameindex();
  const bool alone =
      all && all[0].if_index != 0 && std::string(all[0].if_name) == "lo" && all[1].if_index == 0;
  if_freenameindex(all);
  return alone;
}

// covers: fault 9, bug 81
TEST(Faults, what_the_kernel_forbids_for_a_second_is_sent_again_afterwards) {
  ASSERT_TRUE(in_a_network_of_our_own()) << "run it with tools/own_network";
  Couple c;
  c.connect_with_channel();
  const std::string port = line_of(c.cat.descriptions.front(), "127.0.0.1 ");
  const std::string table = table_of_ours();
  ASSERT_TRUE(
      rule("add table " + table) &&
      rule("add chain " + table + " out { type filter hook output priority 0; }") &&
      rule("add rule " + table + " out udp sport " + port.substr(0, port.find(' ')) + " drop"));
  EXPECT_EQ(c.cat.send("forbidden at first"), ESP_PEER_ERR_NONE);
  EXPECT_FALSE(c.sheep.wait_for([&] { return c.sheep.received != 0; }, 1s)) << "EPERM";
  EXPECT_TRUE(rule("delete table " + table));
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == 1; }));
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
}

// A tunnel that swallows what is large, and says nothing of it.
// covers: fault 10
TEST(Faults, a_path_that_swallows_large_datagrams_for_a_second_loses_nothing) {
  ASSERT_TRUE(in_a_network_of_our_own()) << "run it with tools/own_network";
  Couple c;
  c.connect_with_channel();
  const std::string port = line_of(c.sheep.descriptions.front(), "127.0.0.1 ");
  const std::string table = table_of_ours();
  ASSERT_TRUE(rule("add table " + table) &&
              rule("add chain " + table + " in { type filter hook input priority 0; }") &&
              rule("add rule " + table + " in udp dport " + port.substr(0, port.find(' ')) +
                   " udp length > 600 drop"));
  EXPECT_EQ(c.cat.send("small"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == 1; }));
  EXPECT_EQ(c.cat.send(std::string(50'000, 'x')), ESP_PEER_ERR_NONE);
  EXPECT_FALSE(c.sheep.wait_for([&] { return c.sheep.received != 1; }, 1s));
  EXPECT_TRUE(rule("delete table " + table));
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == 2; }));
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
}

// covers: bug 80, fault 9
TEST(Faults, a_network_that_goes_away_and_comes_back_is_no_loss) {
  std::thread([] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);  // of this thread: what follows is nobody else's
    ASSERT_EQ(std::system("ip link set lo up"), 0);
    Couple c;
    c.connect_here();
    ASSERT_EQ(std::system("ip link set lo down"), 0);
    EXPECT_EQ(c.cat.send("on its way"), ESP_PEER_ERR_NONE);
    const auto end = std::chrono::steady_clock::now() + 1s;
    c.pump_until([&] { return std::chrono::steady_clock::now() >= end; });
    EXPECT_EQ(c.sheep.received, 0u);
    ASSERT_EQ(std::system("ip link set lo up"), 0);
    EXPECT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
    EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
    EXPECT_FALSE(c.sheep.has(ESP_PEER_STATE_DISCONNECTED));
  }).join();
}

// More than a turn of the loop reads, for as long as it lasts: timers and sending have their turn.
// covers: bug 35
TEST(Faults, a_hundred_thousand_datagrams_of_a_stranger_hold_up_nothing_for_long) {
  Couple c;
  c.connect_with_channel();
  const std::string port = line_of(c.cat.descriptions.front(), "127.0.0.1 ");
  std::atomic<bool> over = false;
  std::thread stranger([&, to = static_cast<std::uint16_t>(std::stoul(port))] {
    std::mt19937 chance(2);
    LocalSocket socket;
    std::string datagram(600, '\0');
    for (int i = 0; i < 100'000; ++i) {
      datagram.resize(20 + chance() % 580);
      for (std::size_t at = 0; at < 20; ++at) datagram[at] = static_cast<char>(chance());
      datagram[0] = static_cast<char>(i % 200);  // of every protocol
      socket.send(to, datagram);
    }
    over = true;
  });
  std::size_t sent = 0;
  while (!over) {
    if (c.cat.send(std::string(1'000, 'x')) == ESP_PEER_ERR_NONE) ++sent;
    std::this_thread::sleep_for(1ms);
  }
  stranger.join();
  EXPECT_GT(sent, 0u);
  // Acknowledgements were lost in it: the next retransmission may be a while away.
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == sent; }, 3 * patience));
  ASSERT_EQ(c.sheep.send("and back"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.received == 1; }));
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
}

// As many descriptors as there may be, but a few.
class FewDescriptors {
 public:
  explicit FewDescriptors(int left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int highest = *open_descriptors().rbegin();
    for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) <= highest;) {
      held_.push_back(fd);  // in the gaps
    }
    ::close(highest + 1);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(highest + 1 + left);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  ~FewDescriptors() {
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0);
    for (const int fd : held_) ::close(fd);
  }

 private:
  rlimit before_{};
  std::vector<int> held_;
};

// covers: fault 19
TEST(Faults, without_descriptors_it_says_so_and_afterwards_it_connects) {
  const auto before = open_descriptors();
  int refused = 0, failed = 0, connected = 0;
  for (int more = 0; more < 12; ++more) {
    {
      Couple c;
      c.never_wait();
      const FewDescriptors few(more);
      const bool both = c.cat.open(ESP_PEER_ROLE_CONTROLLING) == ESP_PEER_ERR_NONE &&
                        c.sheep.open(ESP_PEER_ROLE_CONTROLLED) == ESP_PEER_ERR_NONE;
      if (both) {
        c.begin();
        const auto over = [&] {
          return (c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
                  c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED)) ||
                 c.cat.has(ESP_PEER_STATE_DISCONNECTED) || c.sheep.has(ESP_PEER_STATE_DISCONNECTED);
        };
        EXPECT_TRUE(c.pump_until(over)) << "with " << more;
      }
      const bool open = c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
      ++(!both ? refused : open ? connected : failed);
    }
    EXPECT_EQ(open_descriptors(), before) << "none is left behind";
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(failed, 0);
  EXPECT_GT(connected, 0);
}

// ESP_PEER_CYCLES is for the simulator, where they cost less; here are a tenth of them.
int cycles() {
  const char* const wanted = std::getenv("ESP_PEER_CYCLES");
  return std::max(wanted ? std::atoi(wanted) / 10 : 100, 40);
}

// covers: bug 21, bug 79, bug 83, fault 24, changelog 37
TEST(Faults, cycles_that_are_cut_short_leave_no_memory_and_no_descriptor) {
  std::mt19937 chance(1);
  long before = 0;
  std::size_t descriptors = 0;
  int connected = 0;
  for (int i = 0; i < cycles(); ++i) {
    if (i == 20) {
      before = heap_in_use();
      descriptors = open_descriptors().size();
    }
    Couple c;
    c.never_wait();
    c.open();
    c.begin();
    // Up to the opened channel.
    const std::size_t states = chance() % 9;
    EXPECT_TRUE(c.pump_until([&] { return c.cat.states_so_far().size() >= states; }));
    connected += c.cat.has(ESP_PEER_STATE_CONNECTED) ? 1 : 0;
    Peer& first = chance() % 2 == 0 ? c.cat : c.sheep;
    if (chance() % 2 == 0) {
      EXPECT_EQ(esp_peer_disconnect(first.handle), ESP_PEER_ERR_NONE);
    }
    if (chance() % 2 == 0) first.close();
  }
  EXPECT_EQ(heap_in_use() - before, 0);
  EXPECT_EQ(open_descriptors().size(), descriptors);
  EXPECT_GT(connected, 0);
}

}  // namespace
}  // namespace esp_peer::test
