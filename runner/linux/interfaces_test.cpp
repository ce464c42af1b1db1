// The program answers getifaddrs() itself.
#include "runner/linux/interfaces.hpp"

#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <deque>
#include <string>

#include "runner/linux/socket_address.hpp"

namespace {

struct Entry {
  std::string name;
  esp_peer::linux_runner::SocketAddress address;
  ifaddrs raw{};
};
std::deque<Entry> entries;
constexpr unsigned up = IFF_UP | IFF_RUNNING;

void has(const char* name, const char* ip, unsigned flags = up) {
  auto& entry = entries.emplace_back();
  entry.name = name;
  entry.address = esp_peer::linux_runner::to_socket_address(*esp_peer::parse_ip(ip, 0));
  entry.raw.ifa_flags = flags;
  entry.raw.ifa_name = entry.name.data();
  entry.raw.ifa_addr = reinterpret_cast<sockaddr*>(&entry.address.storage);
  if (entries.size() > 1) entries[entries.size() - 2].raw.ifa_next = &entry.raw;
}

}  // namespace

extern "C" int getifaddrs(ifaddrs** list) noexcept {
  *list = entries.empty() ? nullptr : &entries.front().raw;
  return 0;
}
extern "C" void freeifaddrs(ifaddrs*) noexcept {}

namespace esp_peer::linux_runner {
namespace {

std::string usable(const InterfaceOptions& options = {}) {
  std::string text;
  for (const Address& a : usable_addresses(options)) {
    if (!text.empty()) text += ' ';
    text += ip_text(a).view();
  }
  entries.clear();
  return text;
}

// covers: must rfc8445#5.1.1.1
TEST(Interfaces, LoopbackIsLeftOutWhereThereIsANetwork) {
  has("lo", "127.0.0.1");
  has("eth0", "192.0.2.1");
  EXPECT_EQ(usable(), "192.0.2.1");
}

// covers: must rfc8445#5.1.1.1
TEST(Interfaces, LoopbackIsUsedWhereThereIsNothingElse) {
  has("lo", "127.0.0.1");
  EXPECT_EQ(usable(), "127.0.0.1");
}

TEST(Interfaces, LoopbackOnlyWhenAskedFor) {
  has("lo", "127.0.0.1");
  has("eth0", "192.0.2.1");
  EXPECT_EQ(usable({.loopback_only = true}), "127.0.0.1");
}

TEST(Interfaces, WhatIsDownOrWithoutACarrierIsLeftOut) {
  has("eth0", "192.0.2.1", IFF_RUNNING);
  has("docker0", "172.17.0.1", IFF_UP);
  has("eth1", "192.0.2.2");
  EXPECT_EQ(usable(), "192.0.2.2");
}

// covers: changelog 40
TEST(Interfaces, Ipv6ComesFirstWhenAskedFor) {
  for (const bool ipv6 : {false, true}) {
    has("eth0", "192.0.2.1");
    has("eth0", "fe80::1");
    has("eth0", "2001:db8::1");
    EXPECT_EQ(usable({.ipv6 = ipv6}), ipv6 ? "2001:db8::1 192.0.2.1" : "192.0.2.1");
  }
}

TEST(Interfaces, LinkLocalIsUsedWhereThereIsNothingElseButLoopback) {
  has("lo", "::1");
  has("lo", "127.0.0.1");
  has("eth0", "fe80::1");
  EXPECT_EQ(usable({.ipv6 = true}), "fe80::1");
  has("lo", "127.0.0.1");
  has("eth0", "fe80::1");
  EXPECT_EQ(usable(), "127.0.0.1") << "without IPv6";
  has("lo", "127.0.0.1");
  has("eth0", "fe80::1");
  has("eth0", "192.0.2.1");
  EXPECT_EQ(usable({.ipv6 = true}), "192.0.2.1");
}

TEST(Interfaces, TheFilterDecidesByNameAndAddress) {
  has("lo", "127.0.0.1");
  has("eth0", "192.0.2.1");
  has("wlan0", "192.0.2.2");
  InterfaceOptions options;
  std::string seen;
  options.ctx = &seen;
  options.filter = [](const char* interface, const Address& address, void* ctx) {
    EXPECT_EQ(address.port, 0);
    *static_cast<std::string*>(ctx) += std::string(interface) + " ";
    return std::string_view(interface) != "eth0";
  };
  EXPECT_EQ(usable(options), "192.0.2.2");
  EXPECT_EQ(seen, "lo eth0 wlan0 ");
}

TEST(Interfaces, AMachineWithoutAnyHasNone) { EXPECT_EQ(usable(), ""); }

}  // namespace
}  // namespace esp_peer::linux_runner
