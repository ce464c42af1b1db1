// The public functions: check the handle, find the operation, forward. Works for any
// implementation.
#include "capi/wrapper.hpp"

#include <new>

#include "capi/default_impl.hpp"

namespace esp_peer::capi {
namespace {

constinit ProgramHandles<Wrapped, 1> program_handles;

template <class Member, class... Args>
int forward(esp_peer_handle_t peer, Member esp_peer_ops_t::*operation, Args... args) {
  const WrappedPeers::Pin wrapped(wrapped_peers, peer);
  if (!wrapped) return ESP_PEER_ERR_INVALID_ARG;
  const auto call = (*wrapped).ops.*operation;
  return call ? call(wrapped->inner, args...) : static_cast<int>(ESP_PEER_ERR_NOT_SUPPORT);
}

}  // namespace

WrappedPeers& wrapped_peers = program_handles.table;

}  // namespace esp_peer::capi

using namespace esp_peer::capi;

int esp_peer_open(esp_peer_cfg_t* cfg, const esp_peer_ops_t* ops, esp_peer_handle_t* peer) {
  if (!cfg || !ops || !peer || !ops->open) return ESP_PEER_ERR_INVALID_ARG;
  auto* const wrapped = new (std::nothrow) Wrapped{*ops, nullptr};
  if (!wrapped) return ESP_PEER_ERR_NO_MEM;
  const int opened = ops->open(cfg, &wrapped->inner);
  if (opened != ESP_PEER_ERR_NONE) {
    delete wrapped;
    return opened;
  }
  void* const handle = wrapped_peers.insert(wrapped);
  if (!handle) {
    if (ops->close) ops->close(wrapped->inner);
    delete wrapped;
    return ESP_PEER_ERR_NO_MEM;
  }
  *peer = handle;
  return ESP_PEER_ERR_NONE;
}

int esp_peer_new_connection(esp_peer_handle_t peer) {
  return forward(peer, &esp_peer_ops_t::new_connection);
}

int esp_peer_create_data_channel(esp_peer_handle_t peer, esp_peer_data_channel_cfg_t* ch_cfg) {
  return forward(peer, &esp_peer_ops_t::create_data_channel, ch_cfg);
}

int esp_peer_close_data_channel(esp_peer_handle_t peer, const char* label) {
  return forward(peer, &esp_peer_ops_t::close_data_channel, label);
}

int esp_peer_update_ice_info(esp_peer_handle_t peer, esp_peer_role_t role,
                             esp_peer_ice_server_cfg_t* server, int server_num) {
  return forward(peer, &esp_peer_ops_t::update_ice_info, role, server, server_num);
}

int esp_peer_set_rtp_transformer(esp_peer_handle_t peer, esp_peer_rtp_transform_role_t role,
                                 esp_peer_rtp_transform_cb_t* transform_cb, void* ctx) {
  return forward(peer, &esp_peer_ops_t::set_rtp_transformer, role, transform_cb, ctx);
}

int esp_peer_send_msg(esp_peer_handle_t peer, esp_peer_msg_t* msg) {
  return forward(peer, &esp_peer_ops_t::send_msg, msg);
}

int esp_peer_send_video(esp_peer_handle_t peer, esp_peer_video_frame_t* frame) {
  if (!frame) return ESP_PEER_ERR_INVALID_ARG;
  return forward(peer, &esp_peer_ops_t::send_video, frame);
}

int esp_peer_send_audio(esp_peer_handle_t peer, esp_peer_audio_frame_t* frame) {
  if (!frame) return ESP_PEER_ERR_INVALID_ARG;
  return forward(peer, &esp_peer_ops_t::send_audio, frame);
}

int esp_peer_send_data(esp_peer_handle_t peer, esp_peer_data_frame_t* frame) {
  if (!frame) return ESP_PEER_ERR_INVALID_ARG;
  return forward(peer, &esp_peer_ops_t::send_data, frame);
}

int esp_peer_main_loop(esp_peer_handle_t peer) { return forward(peer, &esp_peer_ops_t::main_loop); }

int esp_peer_disconnect(esp_peer_handle_t peer) {
  return forward(peer, &esp_peer_ops_t::disconnect);
}

int esp_peer_query(esp_peer_handle_t peer) {
  const WrappedPeers::Pin wrapped(wrapped_peers, peer);
  if (!wrapped) return ESP_PEER_ERR_INVALID_ARG;
  if (!wrapped->ops.query) return ESP_PEER_ERR_NOT_SUPPORT;
  wrapped->ops.query(wrapped->inner);
  return ESP_PEER_ERR_NONE;
}

// There is no operation for it in the table: only our own implementation knows.
int esp_peer_get_paired_addr(esp_peer_handle_t peer, esp_peer_addr_t* addr) {
  if (!addr) return ESP_PEER_ERR_INVALID_ARG;
  return on_default_peer(peer, default_paired_addr, addr);
}

int esp_peer_close(esp_peer_handle_t peer) {
  if (in_rtp_transformer()) return ESP_PEER_ERR_WRONG_STATE;
  WrappedPeers::Pin wrapped(wrapped_peers, peer);
  if (!wrapped || !wrapped.retire()) return ESP_PEER_ERR_INVALID_ARG;
  return wrapped->ops.close ? wrapped->ops.close(wrapped->inner)
                            : static_cast<int>(ESP_PEER_ERR_NOT_SUPPORT);
}
