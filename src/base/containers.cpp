#include "base/containers.hpp"

namespace esp_peer {

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

Buffer Buffer::with_size(Memory& memory, std::size_t n) {
  Buffer b;
  b.memory_ = &memory;
  b.data_ = static_cast<std::byte*>(memory.allocate(n + 1));
  if (!b.data_) return b;
  b.size_ = n;
  b.capacity_ = n + 1;
  b.data_[n] = std::byte{0};
  return b;
}

Buffer Buffer::copy_of(Memory& memory, Bytes from) {
  Buffer b = with_size(memory, from.size());
  if (b) copy_bytes(from, b.bytes());
  return b;
}

void Buffer::release() {
  if (data_) memory_->release(data_, capacity_);
}

}  // namespace esp_peer
