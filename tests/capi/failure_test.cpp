// Why a connection is over: known with the state that ends it, inside that callback already.
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

esp_peer_ext_failure_t failure_of(Peer& peer) {
  esp_peer_ext_failure_t failure{};
  EXPECT_EQ(esp_peer_ext_get_failure(peer.handle, &failure), ESP_PEER_ERR_NONE);
  return failure;
}

// Both ends of a couple, and what each is told with every state that ends something.
struct Failing : testing::Test {
  Failing() {
    for (Peer* p : {&c.cat, &c.sheep}) {
      p->on_state = [this, p](esp_peer_state_t state) {
        if (state == ESP_PEER_STATE_DISCONNECTED || state == ESP_PEER_STATE_CONNECT_FAILED) {
          told(*p).push_back(failure_of(*p));
        }
      };
    }
    c.never_wait();
  }
  ~Failing() override {
    c.cat.on_state = c.sheep.on_state = nullptr;  // while it closes, a handle is none any more
    c.close();
  }
  std::vector<esp_peer_ext_failure_t>& told(Peer& peer) {
    return &peer == &c.cat ? cat_told : sheep_told;
  }
  bool both_told() {
    return c.pump_until([&] { return !cat_told.empty() && !sheep_told.empty(); });
  }

  std::vector<esp_peer_ext_failure_t> cat_told, sheep_told;
  Couple c;
};

using Failures = std::vector<esp_peer_ext_failure_t>;

TEST_F(Failing, is_nothing_before_the_first_end) {
  c.connect_here();
  EXPECT_EQ(failure_of(c.cat), ESP_PEER_EXT_FAILURE_NONE);
}

TEST_F(Failing, by_our_own_wish_is_none_and_to_the_other_side_the_peer_has_closed) {
  c.connect_here();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(both_told());
  EXPECT_EQ(cat_told, Failures{ESP_PEER_EXT_FAILURE_NONE});
  EXPECT_EQ(sheep_told, Failures{ESP_PEER_EXT_FAILURE_CLOSED_BY_PEER});
}

TEST_F(Failing, for_want_of_an_address) {
  c.cat.cfg.ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_RELAY;
  c.open();
  c.begin();
  ASSERT_TRUE(pump({&c.cat}, [&] { return !cat_told.empty(); }));
  EXPECT_EQ(cat_told, Failures{ESP_PEER_EXT_FAILURE_NO_ADDRESS});
}

TEST_F(Failing, because_no_path_works) {
  LocalSocket nobody;
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->ext.connect_timeout_ms = 300;
    p->carry = [&](std::string sdp) {
      std::string line = take_lines(sdp, "a=candidate:").front();
      const auto port = line.find("127.0.0.1 ") + 10;
      line.replace(port, line.find(' ', port) - port, std::to_string(nobody.port()));
      return sdp + line + "\r\n";
    };
  }
  c.open();
  c.begin();
  ASSERT_TRUE(both_told());
  EXPECT_EQ(cat_told, Failures{ESP_PEER_EXT_FAILURE_NO_PAIR});
  EXPECT_EQ(sheep_told, Failures{ESP_PEER_EXT_FAILURE_NO_PAIR});
}

TEST_F(Failing, because_the_certificate_is_anothers) {
  c.sheep.carry = [](std::string sdp) {
    const auto last = sdp.find_first_of("\r\n", sdp.find("a=fingerprint:")) - 1;
    sdp[last] = sdp[last] == '0' ? '1' : '0';
    return sdp;
  };
  c.open();
  c.begin();
  ASSERT_TRUE(pump({&c.cat, &c.sheep}, [&] { return !cat_told.empty(); }));
  EXPECT_EQ(cat_told, Failures{ESP_PEER_EXT_FAILURE_WRONG_FINGERPRINT});
}

// One bit of the signature that shows whose the server's key is [rfc8422#5.4].
void spoil_signature(std::string& datagram) {
  constexpr std::size_t header = 13, server_key_exchange = 12;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(datagram[at]); };
  for (std::size_t at = 0; at + header < datagram.size();) {
    const std::size_t size = std::size_t{byte(at + 11)} << 8 | byte(at + 12);
    if (byte(at) != 22 || at + header + size > datagram.size())
      return;  // no whole handshake record
    const bool in_clear = byte(at + 4) == 0;
    if (in_clear && byte(at + header) == server_key_exchange) datagram[at + header + size - 1] ^= 1;
    at += header + size;
  }
}

TEST_F(Failing, because_the_handshake_is_refused) {
  Wire wire;
  wire.change(Wire::cat, spoil_signature);  // the offerer is the DTLS server
  c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.open();
  c.begin();
  ASSERT_TRUE(both_told());
  EXPECT_EQ(cat_told, Failures{ESP_PEER_EXT_FAILURE_HANDSHAKE_REFUSED});
  EXPECT_EQ(sheep_told, Failures{ESP_PEER_EXT_FAILURE_HANDSHAKE_REFUSED});
  c.cat.on_state = c.sheep.on_state = nullptr;
  c.close();
}

// covers: changelog 23, changelog 63
TEST_F(Failing, because_the_peer_answers_no_more) {
  Wire wire;
  c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.alive_binding_retries = 1;
  c.connect_here();
  wire.cut();
  ASSERT_TRUE(both_told());
  EXPECT_EQ(cat_told, Failures{ESP_PEER_EXT_FAILURE_CONSENT_LOST});
  EXPECT_EQ(sheep_told, Failures{ESP_PEER_EXT_FAILURE_CONSENT_LOST});
  // The words stand beside the enum.
  testing::internal::CaptureStderr();
  EXPECT_EQ(esp_peer_query(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "esp_peer: disconnected, last ended because the peer answers no more\n");
  c.cat.on_state = c.sheep.on_state = nullptr;
  c.close();
}

// covers: changelog 14
TEST_F(Failing, because_the_peer_has_begun_anew) {
  for (Peer* p : {&c.cat, &c.sheep}) p->cfg.no_auto_reconnect = false;
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.keep_role = true;
  c.connect_here();
  // The cat is gone without a word, and another one stands in its place.
  c.cat.on_state = nullptr;
  c.cat.other = nullptr;
  Peer reborn;
  reborn.ext = c.cat.ext;
  reborn.other = &c.sheep;
  c.sheep.other = &reborn;
  ASSERT_EQ(reborn.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(reborn.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(
      pump({&reborn, &c.sheep}, [&] { return reborn.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
  EXPECT_EQ(sheep_told, Failures{ESP_PEER_EXT_FAILURE_REPLACED});
  c.sheep.on_state = nullptr;
  c.close();
}

TEST_F(Failing, stays_until_the_next_end) {
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.keep_role = true;
  c.connect_here();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(both_told());
  c.begin();
  EXPECT_EQ(failure_of(c.sheep), ESP_PEER_EXT_FAILURE_CLOSED_BY_PEER);
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(failure_of(c.sheep), ESP_PEER_EXT_FAILURE_NONE);
}

TEST(Failure, is_asked_of_peers_of_ours_with_room_for_the_answer) {
  Peer peer;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  esp_peer_ext_failure_t failure{};
  EXPECT_EQ(esp_peer_ext_get_failure(nullptr, &failure), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_ext_get_failure(peer.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  for (int i = ESP_PEER_EXT_FAILURE_NONE; i <= ESP_PEER_EXT_FAILURE_RELAY_REFUSED; ++i) {
    const std::string text = esp_peer_ext_failure_text(static_cast<esp_peer_ext_failure_t>(i));
    EXPECT_GT(text.size(), 10u);
    EXPECT_EQ(text.find("unknown"), text.npos);
  }
}

}  // namespace
}  // namespace esp_peer::test
