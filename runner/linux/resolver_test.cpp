// The program answers getaddrinfo() itself: "slow.*" hangs until it is told to go on, "none" has no
// address, anything else is 192.0.2.<length of the name>.
#include "runner/linux/resolver.hpp"

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace {

std::mutex mutex;
std::condition_variable changed;
bool go_on = false;
int hanging = 0, looked_up = 0;

struct Answer {
  addrinfo info{};
  sockaddr_in address{};
};

}  // namespace

extern "C" int getaddrinfo(const char* name, const char*, const addrinfo*, addrinfo** out) {
  std::unique_lock lock(mutex);
  if (std::strncmp(name, "slow", 4) == 0) {
    ++hanging;
    changed.notify_all();
    changed.wait(lock, [] { return go_on; });
    --hanging;
  }
  ++looked_up;
  changed.notify_all();
  if (std::strcmp(name, "none") == 0) return EAI_NONAME;
  auto* answer = new Answer;
  answer->address.sin_family = AF_INET;
  answer->address.sin_addr.s_addr = htonl(0xC0000200u | static_cast<unsigned>(std::strlen(name)));
  answer->info.ai_addr = reinterpret_cast<sockaddr*>(&answer->address);
  *out = &answer->info;
  return 0;
}
extern "C" void freeaddrinfo(addrinfo* info) noexcept { delete reinterpret_cast<Answer*>(info); }

namespace esp_peer::linux_runner {
namespace {

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() {
    const std::lock_guard lock(mutex);
    go_on = false;
    looked_up = 0;
  }
  ~ResolverTest() override { let_go(); }

  static void let_go() {
    std::unique_lock lock(mutex);
    go_on = true;
    changed.notify_all();
    changed.wait(lock, [] { return hanging == 0; });
  }
  static void wait_for(const bool& done) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }
  static void mark(bool& done) {
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
  }
};

TEST_F(ResolverTest, ANameBecomesItsAddresses) {
  Resolver resolver;
  std::vector<Address> found;
  bool done = false;
  resolver.resolve("stun.test", false, [&](std::vector<Address> addresses) {
    found = std::move(addresses);
    mark(done);
  });
  wait_for(done);
  EXPECT_EQ(found, std::vector<Address>{Address::v4(192, 0, 2, 9, 0)});
}

TEST_F(ResolverTest, ANameWithoutAnAddressIsAnsweredWithNone) {
  Resolver resolver;
  std::vector<Address> found(1);
  bool done = false;
  resolver.resolve("none", false, [&](std::vector<Address> addresses) {
    found = std::move(addresses);
    mark(done);
  });
  wait_for(done);
  EXPECT_TRUE(found.empty());
}

TEST_F(ResolverTest, AnAddressInTextNeedsNoLookUp) {
  Resolver resolver;
  std::vector<Address> found;
  resolver.resolve("2001:db8::1", true, [&](std::vector<Address> a) { found = std::move(a); });
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(ip_text(found[0]).view(), "2001:db8::1");
  EXPECT_EQ(looked_up, 0);
}

// covers: fault 7
TEST_F(ResolverTest, AHangingLookUpHoldsUpNeitherTheCallerNorOtherNames) {
  Resolver slow, other;
  bool done = false, slow_done = false;
  slow.resolve("slow", false, [&](std::vector<Address>) { mark(slow_done); });
  other.resolve("quick", false, [&](std::vector<Address>) { mark(done); });
  wait_for(done);
  EXPECT_FALSE(slow_done);
  let_go();
  wait_for(slow_done);
}

TEST_F(ResolverTest, AClosedPeerHearsNothingOfWhatItAsked) {
  bool called = false;
  {
    Resolver resolver;
    resolver.resolve("slow", false, [&](std::vector<Address>) { called = true; });
    std::unique_lock lock(mutex);
    changed.wait(lock, [] { return hanging == 1; });
  }
  let_go();
  EXPECT_FALSE(called);
}

TEST_F(ResolverTest, MoreNamesThanItKeepsAreAnsweredAtOnce) {
  Resolver resolver;
  int at_once = 0, answered = 0;
  bool asking = true, all = false;
  for (int i = 0; i < 40; ++i) {
    resolver.resolve("slow." + std::to_string(i), false, [&](std::vector<Address> addresses) {
      const std::lock_guard lock(mutex);
      if (asking) {
        EXPECT_TRUE(addresses.empty());
        ++at_once;
      }
      all = ++answered == 40;
      changed.notify_all();
    });
  }
  {
    const std::lock_guard lock(mutex);
    asking = false;
    EXPECT_LE(hanging, 4) << "threads of the process";
  }
  EXPECT_EQ(at_once, 8);
  let_go();
  wait_for(all);
  bool done = false;
  resolver.resolve("again", false, [&](std::vector<Address>) { mark(done); });
  wait_for(done);
}

// covers: fault 19
TEST_F(ResolverTest, WithoutAThreadANameIsAnsweredWithNoneAtOnce) {
  // No thread can be made with a stack larger than the address space.
  pthread_attr_t before, huge;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_attr_init(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 62), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  Resolver resolver;
  // Threads of earlier tests, which still do what they are asked, go home first.
  bool at_once = false;
  while (!at_once) {
    bool done = false;
    bool asking = true;
    resolver.resolve("stun.test", false, [&](std::vector<Address> addresses) {
      const std::lock_guard lock(mutex);
      at_once = asking && addresses.empty();
      done = true;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    asking = false;
    changed.wait(lock, [&] { return done; });
  }
  ASSERT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&huge);

  bool done = false;
  resolver.resolve("stun.test", false, [&](std::vector<Address> addresses) {
    EXPECT_EQ(addresses.size(), 1u);
    mark(done);
  });
  wait_for(done);
}

}  // namespace
}  // namespace esp_peer::linux_runner
