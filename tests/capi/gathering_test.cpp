// Where our addresses come from: interfaces of both families, filters, STUN servers by address and
// by name. The program answers getaddrinfo() itself: there is no DNS in a test.
#include <netdb.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdlib>
#include <set>
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace {

// "stun.test" is this machine; "slow.test" and "slower.test" are too, but hang until they are let
// go; nothing else is known.
std::mutex names_mutex;
std::condition_variable names_changed;
std::multiset<std::string> hanging;
std::set<std::string> kept;

void keep(const std::string& name) {
  const std::lock_guard lock(names_mutex);
  kept.insert(name);
}
// Returns when nobody hangs there any more.
void let_go(const std::string& name) {
  std::unique_lock lock(names_mutex);
  kept.erase(name);
  names_changed.notify_all();
  names_changed.wait(lock, [&] { return !hanging.contains(name); });
}
bool hangs(const std::string& name) {
  const std::lock_guard lock(names_mutex);
  return hanging.contains(name);
}

struct Answer {
  addrinfo info{};
  sockaddr_in address{};
};

}  // namespace

extern "C" int getaddrinfo(const char* name, const char*, const addrinfo*, addrinfo** out) {
  const std::string host = name;
  if (host.rfind("slow", 0) == 0) {
    std::unique_lock lock(names_mutex);
    const auto here = hanging.insert(host);
    names_changed.wait(lock, [&] { return !kept.contains(host); });
    hanging.erase(here);
    names_changed.notify_all();
  } else if (host != "stun.test") {
    return EAI_NONAME;
  }
  auto* answer = new Answer;
  answer->address.sin_family = AF_INET;
  answer->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  answer->info.ai_family = AF_INET;
  answer->info.ai_addr = reinterpret_cast<sockaddr*>(&answer->address);
  answer->info.ai_addrlen = sizeof(answer->address);
  *out = &answer->info;
  return 0;
}
extern "C" void freeaddrinfo(addrinfo* info) noexcept { delete reinterpret_cast<Answer*>(info); }

namespace esp_peer::test {
namespace {

class Gathering : public testing::Test {
 protected:
  Gathering() {
    c.never_wait();
    c.cat.ext.base.agent_recv_timeout = patient;
    cat_servers(nullptr, 0);
  }
  // A description waits five times as long for servers that keep silent: longer than any test, or
  // hardly at all.
  static constexpr std::uint16_t patient = 10'000, impatient = 20;
  void cat_servers(esp_peer_ice_server_cfg_t* servers, std::uint8_t count) {
    c.cat.cfg.server_lists = servers;
    c.cat.cfg.server_num = count;
  }
  // The cat asks this server alone.
  void cat_asks(std::string url) {
    url_ = std::move(url);
    server_ = {url_.data(), nullptr, nullptr};
    cat_servers(&server_, 1);
  }
  bool connected() {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }
  // What the cat's description is, said to nobody.
  std::string offer() {
    c.cat.other = nullptr;
    c.open();
    std::fill(url_.begin(), url_.end(), '?');  // it was copied
    EXPECT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(c.pump_until([&] { return !c.cat.descriptions.empty(); }));
    return c.cat.descriptions.back();
  }
  static std::vector<std::string> candidates_of(std::string sdp, const std::string& type) {
    std::vector<std::string> found;
    for (const std::string& line : take_lines(sdp, "a=candidate:")) {
      if (line.find(" typ " + type) != line.npos) found.push_back(line);
    }
    return found;
  }

  Couple c;

 private:
  std::string url_;
  esp_peer_ice_server_cfg_t server_{};
};

TEST_F(Gathering, a_stun_server_given_by_address_tells_our_reflexive_one) {
  const StunServer server(40'000);
  cat_asks(server.url());
  const std::string sdp = offer();
  const auto reflexive = candidates_of(sdp, "srflx");
  ASSERT_EQ(reflexive.size(), 1u) << sdp;
  EXPECT_NE(reflexive[0].find(" 127.0.0.1 40000 typ srflx raddr 127.0.0.1 rport "),
            std::string::npos)
      << reflexive[0];
  EXPECT_EQ(candidates_of(sdp, "host").size(), 1u);
  EXPECT_NE(sdp.find("a=end-of-candidates"), sdp.npos) << "the server has answered: that is all";
  EXPECT_EQ(c.cat.descriptions.size(), 1u) << "all in one";
}

TEST_F(Gathering, a_stun_server_given_by_name_is_looked_up) {
  const StunServer server(40'001);
  cat_asks(server.url("stun.test"));
  const auto reflexive = candidates_of(offer(), "srflx");
  ASSERT_EQ(reflexive.size(), 1u);
  EXPECT_NE(reflexive[0].find(" 127.0.0.1 40001 "), std::string::npos);
}

TEST_F(Gathering, a_reflexive_address_that_is_our_own_is_not_said_twice) {
  const StunServer server;
  cat_asks(server.url());
  const std::string sdp = offer();
  EXPECT_GT(server.requests(), 0);
  EXPECT_TRUE(candidates_of(sdp, "srflx").empty()) << "[rfc8445#5.1.3]";
  EXPECT_EQ(candidates_of(sdp, "host").size(), 1u);
}

TEST_F(Gathering, peers_meet_at_a_reflexive_address_alone) {
  // The wire is the cat's NAT: outside(cat) is its public port, and the sheep learns no other.
  Wire wire;
  const StunServer server(wire.outside(Wire::cat));
  cat_asks(server.url());
  c.cat.carry = [&](std::string sdp) {
    for (const std::string& line : take_lines(sdp, "a=candidate:")) {
      if (line.find("typ srflx") == line.npos) continue;
      wire.reachable_at(
          Wire::cat, static_cast<std::uint16_t>(std::stoul(line.substr(line.find("rport ") + 6))));
      sdp += line + "\r\n";
    }
    return sdp;
  };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  esp_peer_addr_t addr{};
  ASSERT_EQ(esp_peer_get_paired_addr(c.sheep.handle, &addr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(addr.port, wire.outside(Wire::cat));
  c.close();
}

TEST_F(Gathering, a_server_that_does_not_answer_costs_patience_and_no_more) {
  LocalSocket silent;
  c.cat.ext.base.agent_recv_timeout = impatient;
  cat_asks("stun:127.0.0.1:" + std::to_string(silent.port()));
  const std::string sdp = offer();
  EXPECT_EQ(candidates_of(sdp, "host").size(), 1u);
  EXPECT_EQ(sdp.find("a=end-of-candidates"), sdp.npos) << "it may answer yet";
}

// covers: fault 7
TEST_F(Gathering, a_hanging_look_up_blocks_neither_the_loop_nor_the_offer_nor_close) {
  keep("slow.test");
  const StunServer server(40'002);
  c.cat.ext.base.agent_recv_timeout = impatient;
  cat_asks(server.url("slow.test"));
  const std::string sdp = offer();
  EXPECT_EQ(candidates_of(sdp, "host").size(), 1u);
  EXPECT_EQ(server.requests(), 0);
  EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE);
  c.cat.handle = nullptr;
  let_go("slow.test");
}

TEST_F(Gathering, an_answer_for_the_last_connection_is_not_taken_for_this_one) {
  keep("slow.test");
  keep("slower.test");
  const StunServer last(40'003), other(40'004);
  cat_asks(last.url("slow.test"));
  c.cat.other = nullptr;
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&c.cat}, [] { return hangs("slow.test"); }));
  // The next connection asks another server, which has the same place in the list.
  std::string url = other.url("slower.test");
  esp_peer_ice_server_cfg_t server{url.data(), nullptr, nullptr};
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &server, 1),
            ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&c.cat}, [] { return hangs("slower.test"); }));
  let_go("slow.test");
  for (int i = 0; i < 200; ++i) {
    esp_peer_main_loop(c.cat.handle);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(other.requests(), 0) << "its name is still looked up";
  EXPECT_TRUE(c.cat.descriptions.empty());
  let_go("slower.test");
  ASSERT_TRUE(pump({&c.cat}, [&] { return !c.cat.descriptions.empty(); }));
  const auto reflexive = candidates_of(c.cat.descriptions[0], "srflx");
  ASSERT_EQ(reflexive.size(), 1u);
  EXPECT_NE(reflexive[0].find(" 40004 "), std::string::npos);
  EXPECT_EQ(last.requests(), 0);
}

TEST_F(Gathering, relays_and_names_that_nobody_knows_are_no_obstacle) {
  char turn[] = "turn:127.0.0.1:3478?transport=udp", turns[] = "turns:127.0.0.1",
       unknown[] = "stun:unknown.test", user[] = "user", password[] = "password", empty[] = "";
  esp_peer_ice_server_cfg_t servers[] = {{turn, user, password},
                                         {turns, user, password},
                                         {unknown, nullptr, nullptr},
                                         {empty, nullptr, nullptr},
                                         {nullptr, nullptr, nullptr}};
  cat_servers(servers, 5);
  c.cat.ext.base.agent_recv_timeout = impatient;  // the relay is asked, and nobody answers
  c.open();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
}

// covers: changelog 40
TEST_F(Gathering, ipv6_when_it_is_wanted_comes_first_and_is_used) {
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.ipv6_support = true;
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  auto sdp = c.cat.descriptions[0];
  const auto candidates = take_lines(sdp, "a=candidate:");
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_NE(candidates[0].find(" ::1 "), std::string::npos);
  EXPECT_NE(candidates[1].find(" 127.0.0.1 "), std::string::npos);
  esp_peer_addr_t addr{};
  ASSERT_EQ(esp_peer_get_paired_addr(c.cat.handle, &addr), ESP_PEER_ERR_NONE);
  ASSERT_EQ(addr.family, AF_INET6);
  EXPECT_EQ(addr.ipv6[15], 1);
  EXPECT_EQ(addr.ipv6[0], 0);
  EXPECT_EQ(c.cat.give_candidate("candidate:9 1 udp 1 2001:db8::1 9 typ host"), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.cat.send("over IPv6"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
}

TEST_F(Gathering, a_side_without_ipv6_meets_one_with_it) {
  c.cat.ext.base.ipv6_support = true;
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  esp_peer_addr_t addr{};
  ASSERT_EQ(esp_peer_get_paired_addr(c.cat.handle, &addr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(addr.family, AF_INET);
  EXPECT_EQ(candidates_of(c.sheep.descriptions[0], "host").size(), 1u);
}

// covers: changelog 46
TEST_F(Gathering, no_more_candidates_than_allowed) {
  c.cat.ext.base.ipv6_support = true;
  c.cat.ext.base.max_candidates = 1;
  EXPECT_EQ(candidates_of(offer(), "host").size(), 1u);
}

// Twenty addresses: sixteen candidates are the default and the most, and a quarter of them is kept
// for what servers see.
// covers: changelog 46
TEST_F(Gathering,
       twelve_of_sixteen_candidates_are_for_addresses_if_nothing_is_said_and_never_more) {
  for (const auto& [wanted, hosts] : {std::pair(0, 12u), {8, 6u}, {17, 12u}, {255, 12u}}) {
    std::thread([wanted = wanted, hosts = hosts] {
      ASSERT_EQ(unshare(CLONE_NEWNET), 0);  // of this thread: what follows is nobody else's
      ASSERT_EQ(std::system("ip link set lo up"), 0);
      for (int i = 2; i <= 20; ++i) {
        const std::string address = "127.0.1." + std::to_string(i);
        ASSERT_EQ(std::system(("ip addr add " + address + "/8 dev lo").c_str()), 0);
      }
      Couple many;
      many.never_wait();
      many.cat.ext.base.max_candidates = static_cast<std::uint8_t>(wanted);
      many.cat.other = nullptr;
      many.open();
      ASSERT_EQ(esp_peer_new_connection(many.cat.handle), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(many.pump_until([&] { return !many.cat.descriptions.empty(); }));
      EXPECT_EQ(candidates_of(many.cat.descriptions.back(), "host").size(), hosts) << wanted;
    }).join();
  }
}

// An interface filter has no closure: what it sees and says stands here.
struct Filter {
  static bool ask(const char* interface, const esp_peer_addr_t* addr, void* ctx) {
    auto& peer = *static_cast<Peer*>(ctx);
    ++asked;
    last_interface = interface;
    EXPECT_EQ(addr->port, 0);
    // In the loop, with nothing held.
    EXPECT_EQ(peer.send("x"), ESP_PEER_ERR_WRONG_STATE);
    EXPECT_EQ(esp_peer_main_loop(peer.handle), ESP_PEER_ERR_WRONG_STATE);
    if (disconnect_inside) {
      EXPECT_EQ(esp_peer_disconnect(peer.handle), ESP_PEER_ERR_NONE);
    }
    return allow_v6 ? addr->family == AF_INET6 : false;
  }
  static inline int asked;
  static inline std::string last_interface;
  static inline bool allow_v6, disconnect_inside;
};

class Filtered : public Gathering {
 protected:
  Filtered() {
    Filter::asked = 0;
    Filter::allow_v6 = Filter::disconnect_inside = false;
    c.cat.ext.interface_filter = Filter::ask;
    c.cat.ext.base.ipv6_support = true;
  }
};

TEST_F(Filtered, an_interface_filter_leaves_addresses_out) {
  Filter::allow_v6 = true;
  const std::string sdp = offer();
  ASSERT_EQ(candidates_of(sdp, "host").size(), 1u);
  EXPECT_NE(candidates_of(sdp, "host")[0].find(" ::1 "), std::string::npos);
  EXPECT_GE(Filter::asked, 2);
  EXPECT_EQ(Filter::last_interface, "lo");
}

TEST_F(Filtered, with_no_address_left_there_is_no_connection) {
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_TRUE(c.cat.descriptions.empty());
}

TEST_F(Filtered, a_filter_may_disconnect) {
  Filter::allow_v6 = Filter::disconnect_inside = true;
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(esp_peer_main_loop(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.states.back(), ESP_PEER_STATE_DISCONNECTED);
  EXPECT_EQ(c.cat.count(ESP_PEER_STATE_DISCONNECTED), 1);
  EXPECT_TRUE(c.cat.descriptions.empty());
}

// covers: must rfc8445#5.1.1.1
TEST_F(Gathering, loopback_is_used_where_there_is_nothing_else) {
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.loopback_only = false;
  c.open();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
}

// No descriptor can be had while this lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// covers: fault 19
TEST(Descriptors, without_them_a_peer_does_not_open) {
  Peer peer;
  {
    const NoDescriptors none;
    EXPECT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_FAIL);
  }
  EXPECT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
}

// covers: fault 19
TEST(Descriptors, without_them_an_attempt_ends_and_the_next_one_works) {
  Couple c;
  c.never_wait();
  c.open();
  {
    const NoDescriptors none;
    ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
    EXPECT_TRUE(c.cat.descriptions.empty());
  }
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
}

}  // namespace
}  // namespace esp_peer::test
