// IPv6 between two programs of one machine, on networks that the test makes: with it alone, beside
// IPv4, and where there is nothing but a link.
#include <sched.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// Runs a story in a network that its thread has for itself: loopback, and one interface with these
// addresses.
template <class Story>
void on_network(const std::vector<std::string>& addresses, Story story) {
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    std::string commands =
        "ip link set lo up && ip link add wire0 type veth peer name wire1 && "
        "ip link set wire1 addrgenmode none && "
        "echo 0 > /proc/sys/net/ipv6/conf/wire0/accept_dad && "  // nobody else is there
        "ip link set wire0 up && ip link set wire1 up";
    for (const std::string& a : addresses) {
      commands += " && ip addr add " + a + " dev wire0" + (a.find(':') == a.npos ? "" : " nodad");
    }
    // The kernel gives the link-local address when it has seen the carrier, a second later at most.
    commands +=
        " && for n in $(seq 1000); do"
        " ip -6 addr show dev wire0 scope link -tentative | grep -q fe80: && exit 0; sleep 0.02;"
        " done; exit 1";
    ASSERT_EQ(std::system(commands.c_str()), 0);
    story();
  }).join();
}

struct Neighbours : Couple {
  Neighbours() {
    for (Peer* p : {&cat, &sheep}) {
      p->ext.loopback_only = false;
      p->ext.base.ipv6_support = true;
    }
  }
  static esp_peer_addr_t paired(const Peer& peer) {
    esp_peer_addr_t addr{};
    EXPECT_EQ(esp_peer_get_paired_addr(peer.handle, &addr), ESP_PEER_ERR_NONE);
    return addr;
  }
  void expect_talk() {
    ASSERT_EQ(cat.send("over the fence"), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(pump_until([&] { return sheep.received == 1; }));
  }
};

// covers: changelog 40
TEST(Ipv6, alone_is_a_network) {
  on_network({"2001:db8::17/64"}, [] {
    Neighbours c;
    c.connect_here();
    c.expect_talk();
    EXPECT_EQ(c.paired(c.cat).family, AF_INET6);
    EXPECT_EQ(c.paired(c.cat).ipv6[15], 0x17);
    const std::string& sdp = c.cat.descriptions[0];
    EXPECT_EQ(line_of(sdp, "c=IN "), "IP6 2001:db8::17");
    EXPECT_NE(line_of(sdp, "a=candidate:").find(" 2001:db8::17 "), std::string::npos)
        << "without brackets, without a zone";
    EXPECT_EQ(sdp.find("IP4 127"), sdp.npos);
    EXPECT_EQ(sdp.find("fe80:"), sdp.npos) << "link-local where there is more";
  });
}

TEST(Ipv6, comes_first_beside_ipv4) {
  on_network({"192.0.2.17/24", "2001:db8::17/64"}, [] {
    Neighbours c;
    c.connect_here();
    c.expect_talk();
    EXPECT_EQ(c.paired(c.cat).family, AF_INET6);
    const std::string& sdp = c.cat.descriptions[0];
    EXPECT_NE(sdp.find(" 2001:db8::17 "), sdp.npos);
    EXPECT_NE(sdp.find(" 192.0.2.17 "), sdp.npos);
  });
}

TEST(Ipv6, that_one_side_has_not_leaves_ipv4) {
  on_network({"192.0.2.17/24", "2001:db8::17/64"}, [] {
    Neighbours c;
    c.sheep.ext.base.ipv6_support = false;
    c.connect_here();
    c.expect_talk();
    EXPECT_EQ(c.paired(c.cat).family, AF_INET);
    EXPECT_EQ(c.sheep.descriptions[0].find("2001:"), std::string::npos);
    EXPECT_EQ(c.sheep.give_candidate("candidate:1 1 udp 1 2001:db8::17 9 typ host"),
              ESP_PEER_ERR_NOT_SUPPORT);
  });
}

TEST(Ipv6, of_a_link_alone_is_used_where_there_is_nothing_else) {
  on_network({}, [] {
    Neighbours c;
    c.connect_here();
    c.expect_talk();
    EXPECT_EQ(c.paired(c.cat).family, AF_INET6);
    EXPECT_EQ(c.paired(c.cat).ipv6[0], 0xFE);
    EXPECT_EQ(c.cat.descriptions[0].find('%'), std::string::npos) << "zones are nobody's affair";
  });
}

TEST(Ipv6, a_restart_finds_the_network_that_came_meanwhile) {
  on_network({"192.0.2.17/24"}, [] {
    Neighbours c;
    c.connect_here();
    EXPECT_EQ(c.paired(c.cat).family, AF_INET);
    ASSERT_EQ(std::system("ip addr add 2001:db8::17/64 dev wire0 nodad && "
                          "ip addr del 192.0.2.17/24 dev wire0"),
              0);
    for (Peer* p : {&c.cat, &c.sheep}) p->forget();
    ASSERT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until([&] { return c.paired(c.cat).family == AF_INET6; }));
    c.expect_talk();
    EXPECT_TRUE(c.cat.states.empty() && c.sheep.states.empty()) << "undisturbed";
  });
}

}  // namespace
}  // namespace esp_peer::test
