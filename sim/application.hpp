// The application of one peer in a run: opens channels, sends what the plan says, and holds every
// message that comes against the ledger.
#pragma once
#include <map>
#include <string>

#include "sim/ledger.hpp"
#include "sim/peer.hpp"
#include "sim/plan.hpp"

namespace esp_peer::sim {

class Application {
 public:
  // `index` names it in the ledger: 0 or 1.
  Application(World& world, Ledger& ledger, Peer& peer, int index, const Plan& plan);
  Application(const Application&) = delete;
  void set_other(Application& other) { other_ = &other; }

  void hear(const peer::Event& event);
  void hear(const datachannel::Message& message);

  // Closes the channels of a label, also those that are not open yet.
  void close(const std::string& label);

  // Has said all that it was going to say on this connection.
  bool finished() const;
  int connections() const { return connections_; }  // that became open, ever
  int ends() const { return ends_; }                // disconnected or failed, ever

 private:
  struct Channel {
    bool ordered = true;
    int left = 0;  // messages to send
    int said = 0;
  };
  void create_channels();
  void begin(datachannel::StreamId stream);
  void say_next(std::uint16_t stream);
  void later(Duration delay, std::uint16_t stream);
  void on_closed(std::uint16_t stream);
  void on_end();
  std::size_t draw_size(const Channel& channel);
  Line line(std::uint16_t stream) const { return {index_, peer_.attempts(), stream}; }

  World& world_;
  Ledger& ledger_;
  Peer& peer_;
  int index_;
  const Plan& plan_;
  Rng rng_;
  Application* other_ = nullptr;
  std::map<std::uint16_t, Channel> channels_;  // of this connection
  // Channels of ours that are not open yet, and their labels.
  std::map<std::uint16_t, std::string> to_open_;
  bool connected_ = false;
  int connections_ = 0, ends_ = 0;
};

}  // namespace esp_peer::sim
