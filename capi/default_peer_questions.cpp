// What can be asked of a peer at any time.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "capi/callback_scope.hpp"
#include "capi/default_peer.hpp"

namespace esp_peer::capi {
namespace {

std::string_view name_of(peer::State state) {
  constexpr std::string_view names[] = {"closed",
                                        "disconnected",
                                        "new connection",
                                        "candidate gathering",
                                        "pairing",
                                        "paired",
                                        "connecting",
                                        "connected",
                                        "connect failed",
                                        "data channel connected",
                                        "data channel opened",
                                        "data channel closed",
                                        "data channel disconnected"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace

int DefaultPeer::paired_addr(esp_peer_addr_t* addr) {
  if (!addr) return ESP_PEER_ERR_INVALID_ARG;
  const Lock lock(mutex_);
  const auto route = session_.paired();
  if (!route) return ESP_PEER_ERR_WRONG_STATE;
  *addr = to_c_address(route->remote);
  return ESP_PEER_ERR_NONE;
}

int DefaultPeer::buffered_amount(std::uint32_t* bytes) {
  if (!bytes) return ESP_PEER_ERR_INVALID_ARG;
  const Lock lock(mutex_);
  *bytes = static_cast<std::uint32_t>(session_.data_stats().buffered);
  return ESP_PEER_ERR_NONE;
}

int DefaultPeer::set_low_threshold(std::uint32_t bytes) {
  const Lock lock(mutex_);
  low_threshold_ = bytes;
  watch_buffer();  // the amount may stand above the old one and below this
  wake_if_needed();
  return ESP_PEER_ERR_NONE;
}

int DefaultPeer::stats(esp_peer_ext_stats_t* stats) {
  if (!stats || stats->size < sizeof(stats->size)) return ESP_PEER_ERR_INVALID_ARG;
  esp_peer_ext_stats_t all{};
  all.size = stats->size;
  {
    const Lock lock(mutex_);
    const peer::DataStats data = session_.data_stats();
    all.round_trip_us = static_cast<std::uint32_t>(data.round_trip.count());
    all.buffered = static_cast<std::uint32_t>(data.buffered);
    all.channels = static_cast<std::uint32_t>(data.channels);
    all.messages_sent = sent_.messages;
    all.messages_received = received_.messages;
    all.bytes_sent = sent_.bytes;
    all.bytes_received = received_.bytes;
    all.datagrams_sent = sent_.datagrams;
    all.datagrams_received = received_.datagrams;
    all.wire_bytes_sent = sent_.wire_bytes;
    all.wire_bytes_received = received_.wire_bytes;
  }
  auto* const out = reinterpret_cast<unsigned char*>(stats);
  std::memset(out, 0, all.size);
  std::memcpy(out, &all, std::min<std::size_t>(all.size, sizeof(all)));
  return ESP_PEER_ERR_NONE;
}

int DefaultPeer::failure(esp_peer_ext_failure_t* failure) {
  if (!failure) return ESP_PEER_ERR_INVALID_ARG;
  const Lock lock(mutex_);
  *failure = to_c_failure(told_failure_);
  return ESP_PEER_ERR_NONE;
}

// What is told belongs to the thread that tells it.
int DefaultPeer::frame_time(std::uint64_t* ntp) {
  if (!ntp) return ESP_PEER_ERR_INVALID_ARG;
  const CallbackScope* const scope = CallbackScope::find(this);
  const News* const news = scope ? scope->news() : nullptr;
  const bool is_frame =
      news && (news->kind == News::Kind::audio || news->kind == News::Kind::video);
  if (!is_frame) return ESP_PEER_ERR_WRONG_STATE;
  if (news->ntp == 0) return ESP_PEER_ERR_NOT_EXISTS;
  *ntp = news->ntp;
  return ESP_PEER_ERR_NONE;
}

void DefaultPeer::query() {
  Lock lock(mutex_);
  const auto failure = to_c_failure(told_failure_);
  const auto state = name_of(session_.state());
  const auto route = session_.paired();
  lock.unlock();
  std::fprintf(stderr, "esp_peer: %.*s", static_cast<int>(state.size()), state.data());
  if (route) {
    const auto local = ip_text(route->local), remote = ip_text(route->remote);
    std::fprintf(stderr, ", from %.*s port %u to %.*s port %u",
                 static_cast<int>(local.view().size()), local.view().data(), route->local.port,
                 static_cast<int>(remote.view().size()), remote.view().data(), route->remote.port);
  }
  if (failure != ESP_PEER_EXT_FAILURE_NONE) {
    std::fprintf(stderr, ", last ended because %s", esp_peer_ext_failure_text(failure));
  }
  std::fprintf(stderr, "\n");
}

}  // namespace esp_peer::capi
