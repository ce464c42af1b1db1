// The datagrams of a run in a file that Wireshark reads.
#pragma once
#include <string>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"

namespace esp_peer::sim {

class Pcap {
 public:
  Pcap();
  // As it stood on the wire.
  void add(Instant at, const Address& from, const Address& to, Bytes payload);
  bool write(const std::string& path) const;

 private:
  std::string file_;
};

}  // namespace esp_peer::sim
