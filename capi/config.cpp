#include "capi/config.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "capi/audio.hpp"
#include "capi/video.hpp"
#include "runner/linux/clock.hpp"

namespace esp_peer::capi {
namespace {

constexpr std::uint32_t least_cache = 1500;  // [rfc9260#3.3.2] no smaller window may be announced
constexpr std::uint32_t default_cache = 100'000;
constexpr std::uint32_t largest_cache = 1 << 30;  // with what is added to it, within 32 bits
constexpr std::uint16_t default_wait_ms = 100;

template <class T>
T value_or(T value, T otherwise) {
  return value != 0 ? value : otherwise;
}

std::uint32_t cache_size(std::uint32_t given) {
  return std::clamp(value_or(given, default_cache), least_cache, largest_cache);
}

// Copies what the program's struct has; older programs have less of it.
esp_peer_ext_cfg_t read_extra(const esp_peer_cfg_t& cfg) {
  esp_peer_ext_cfg_t ext{};
  if (!cfg.extra_cfg) return ext;
  const std::size_t given =
      cfg.extra_size > 0 ? static_cast<std::size_t>(cfg.extra_size) : sizeof(ext.base);
  std::memcpy(&ext.base, cfg.extra_cfg, std::min(given, sizeof(ext.base)));

  constexpr std::size_t head = offsetof(esp_peer_ext_cfg_t, size) + sizeof(ext.size);
  if (given < head) return ext;
  esp_peer_ext_cfg_t theirs{};
  std::memcpy(&theirs, cfg.extra_cfg, std::min(given, sizeof(theirs)));
  if (theirs.magic != ESP_PEER_EXT_MAGIC || theirs.size < head) return ext;
  ext = esp_peer_ext_cfg_t{};
  const std::size_t size = std::min<std::size_t>({given, theirs.size, sizeof(ext)});
  std::memcpy(&ext, &theirs, size);
  // Half a pointer points nowhere.
  const auto is_cut = [&](std::size_t offset) { return size < offset + sizeof(void (*)()); };
  if (is_cut(offsetof(esp_peer_ext_cfg_t, interface_filter))) ext.interface_filter = nullptr;
  if (is_cut(offsetof(esp_peer_ext_cfg_t, on_writable))) ext.on_writable = nullptr;
  return ext;
}

}  // namespace

Result<Config> read_config(const esp_peer_cfg_t& cfg) {
  const auto role = read_role(cfg.role);
  if (!role) return Error{Errc::invalid_argument, "no such role"};
  const int policy = raw(cfg.ice_trans_policy);
  if (policy != ESP_PEER_ICE_TRANS_POLICY_ALL && policy != ESP_PEER_ICE_TRANS_POLICY_RELAY) {
    return Error{Errc::invalid_argument, "no such policy"};
  }
  if (cfg.extra_size < 0) return Error{Errc::invalid_argument, "a negative extra_size"};
  Config config;
  const Status servers = read_servers(cfg.server_lists, cfg.server_num, config.servers);
  if (!servers) return servers.error();

  const esp_peer_ext_cfg_t ext = read_extra(cfg);
  const esp_peer_default_cfg_t& base = ext.base;
  const auto wait_ms = value_or(base.agent_recv_timeout, default_wait_ms);
  config.callbacks = cfg;
  config.ipv6 = base.ipv6_support;
  config.loopback_only = ext.loopback_only;
  config.background_thread = ext.background_thread;
  config.interface_filter = ext.interface_filter;
  config.on_writable = ext.on_writable;
  config.message_lifetime_ms = value_or(base.data_ch_cfg.cache_timeout, std::uint16_t{5000});
  const bool own_wait = ext.loop_wait_set || ext.loop_wait_ms != 0;
  config.loop_wait = milliseconds(own_wait ? ext.loop_wait_ms : wait_ms);

  peer::SessionOptions& s = config.session;
  s.role = *role;
  s.keep_role = base.keep_role;
  s.auto_reconnect = !cfg.no_auto_reconnect;
  s.data = cfg.enable_data_channel;
  s.automatic_channel = !cfg.manual_ch_create;
  s.relay_only = policy == ESP_PEER_ICE_TRANS_POLICY_RELAY;
  s.trickle_out = ext.trickle_out;
  s.remote_lite = base.ice_use_lite_mode;
  s.max_candidates = value_or(base.max_candidates, std::uint8_t{16});
  s.consent_misses = value_or(base.alive_binding_retries, std::uint8_t{5});
  s.gathering_timeout = milliseconds(5 * wait_ms);
  if (ext.connect_timeout_ms != 0) s.connect_timeout = milliseconds(ext.connect_timeout_ms);
  s.send_buffer = cache_size(base.data_ch_cfg.send_cache_size);
  s.receive_buffer = cache_size(base.data_ch_cfg.recv_cache_size);
  s.incomplete_lifetime = milliseconds(config.message_lifetime_ms);
  s.wall_clock = linux_runner::wall_clock();
  s.sync_pts = ext.sync_pts;
  if (const Status audio = read_audio(cfg, base.rtp_cfg.audio_recv_jitter, s); !audio) {
    return audio.error();
  }
  if (const Status video = read_video(cfg, base.rtp_cfg, s); !video) return video.error();
  return config;
}

std::optional<ice::Role> read_role(const esp_peer_role_t& role) {
  if (raw(role) == ESP_PEER_ROLE_CONTROLLING) return ice::Role::controlling;
  if (raw(role) == ESP_PEER_ROLE_CONTROLLED) return ice::Role::controlled;
  return std::nullopt;
}

Status read_servers(const esp_peer_ice_server_cfg_t* list, int count, peer::Servers& out) {
  out.clear();
  if (count < 0 || (count > 0 && !list)) return Error{Errc::invalid_argument, "no list of servers"};
  for (int i = 0; i < count; ++i) {
    if (!list[i].stun_url || list[i].stun_url[0] == '\0') continue;
    auto server = peer::parse_server_url(list[i].stun_url);
    if (!server) return server.error();
    if (list[i].user) server->username = list[i].user;
    if (list[i].psw) server->password = list[i].psw;
    if (!out.push_back(*server)) return Error{Errc::over_limit, "too many ICE servers"};
  }
  return {};
}

esp_peer_addr_t to_c_address(const Address& address) {
  esp_peer_addr_t out{};
  out.port = address.port;
  if (address.is_v4()) {
    out.family = AF_INET;
    std::copy(address.ip.begin() + 12, address.ip.end(), out.ipv4);
  } else {
    out.family = AF_INET6;
    std::copy(address.ip.begin(), address.ip.end(), out.ipv6);
  }
  return out;
}

int to_c_error(Errc code) { return -static_cast<int>(code); }

namespace {
constexpr bool same(peer::Failure ours, esp_peer_ext_failure_t theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
}  // namespace

esp_peer_ext_failure_t to_c_failure(peer::Failure failure) {
  using peer::Failure;
  static_assert(same(Failure::none, ESP_PEER_EXT_FAILURE_NONE));
  static_assert(same(Failure::no_address, ESP_PEER_EXT_FAILURE_NO_ADDRESS));
  static_assert(same(Failure::no_pair, ESP_PEER_EXT_FAILURE_NO_PAIR));
  static_assert(same(Failure::handshake_timeout, ESP_PEER_EXT_FAILURE_HANDSHAKE_TIMEOUT));
  static_assert(same(Failure::handshake_refused, ESP_PEER_EXT_FAILURE_HANDSHAKE_REFUSED));
  static_assert(same(Failure::wrong_fingerprint, ESP_PEER_EXT_FAILURE_WRONG_FINGERPRINT));
  static_assert(same(Failure::consent_lost, ESP_PEER_EXT_FAILURE_CONSENT_LOST));
  static_assert(same(Failure::closed_by_peer, ESP_PEER_EXT_FAILURE_CLOSED_BY_PEER));
  static_assert(same(Failure::association_lost, ESP_PEER_EXT_FAILURE_ASSOCIATION_LOST));
  static_assert(same(Failure::replaced, ESP_PEER_EXT_FAILURE_REPLACED));
  static_assert(same(Failure::no_memory, ESP_PEER_EXT_FAILURE_NO_MEMORY));
  static_assert(same(Failure::relay_refused, ESP_PEER_EXT_FAILURE_RELAY_REFUSED));
  return static_cast<esp_peer_ext_failure_t>(failure);
}

}  // namespace esp_peer::capi
