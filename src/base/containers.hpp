// Containers over lent memory. Growth may fail, and says so; nothing throws. Each owner writes its
// bound beside its declaration.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/bug.hpp"
#include "base/bytes.hpp"
#include "base/memory.hpp"

namespace esp_peer {

// A growable array.
template <class T>
class Vector {
 public:
  explicit Vector(Memory& memory) : memory_(&memory) {}
  Vector(Vector&& other) noexcept
      : memory_(other.memory_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Vector& operator=(Vector&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Vector() {
    clear();
    give_back();
  }

  // False when no memory is left; the vector is as before.
  [[nodiscard]] bool reserve(std::size_t n) {
    if (n <= capacity_) return true;
    const std::size_t grown = std::max(n, capacity_ == 0 ? std::size_t{4} : capacity_ * 2);
    auto* fresh = static_cast<T*>(memory_->allocate(grown * sizeof(T)));
    if (!fresh) return false;
    for (std::size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(fresh + i)) T(std::move(data_[i]));
      data_[i].~T();
    }
    give_back();
    data_ = fresh;
    capacity_ = grown;
    return true;
  }
  [[nodiscard]] bool push_back(T value) {
    if (!reserve(size_ + 1)) return false;
    ::new (static_cast<void*>(data_ + size_)) T(std::move(value));
    ++size_;
    return true;
  }
  // Both keep the order of the others.
  [[nodiscard]] bool insert(std::size_t index, T value) {
    ESP_PEER_BUG_IF(index > size_);
    if (!push_back(std::move(value))) return false;
    for (std::size_t i = size_ - 1; i > index; --i) std::swap(data_[i], data_[i - 1]);
    return true;
  }
  void erase(std::size_t index) {
    ESP_PEER_BUG_IF(index >= size_);
    std::move(data_ + index + 1, data_ + size_, data_ + index);
    data_[--size_].~T();
  }
  void pop_back() {
    ESP_PEER_BUG_IF(size_ == 0);
    data_[--size_].~T();
  }
  void clear() {
    while (size_ != 0) data_[--size_].~T();
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) {
    ESP_PEER_BUG_IF(i >= size_);
    return data_[i];
  }
  const T& operator[](std::size_t i) const {
    ESP_PEER_BUG_IF(i >= size_);
    return data_[i];
  }
  T& back() { return (*this)[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  void give_back() {
    if (data_) memory_->release(data_, capacity_ * sizeof(T));
  }

  Memory* memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

// A growable ring: push and pop at both ends, index from the front.
template <class T>
class Deque {
 public:
  explicit Deque(Memory& memory) : memory_(&memory) {}
  Deque(const Deque&) = delete;
  ~Deque() {
    clear();
    if (data_) memory_->release(data_, capacity_ * sizeof(T));
  }

  // There is room for one more. False when no memory is left; the ring is as before, here and
  // below.
  [[nodiscard]] bool make_room() { return size_ < capacity_ || grow(); }
  [[nodiscard]] bool push_back(T value) {
    if (!make_room()) return false;
    ::new (static_cast<void*>(slot(size_))) T(std::move(value));
    ++size_;
    return true;
  }
  [[nodiscard]] bool push_front(T value) {
    if (!make_room()) return false;
    head_ = (head_ - 1) & (capacity_ - 1);
    ::new (static_cast<void*>(slot(0))) T(std::move(value));
    ++size_;
    return true;
  }
  void pop_front() {
    ESP_PEER_BUG_IF(size_ == 0);
    slot(0)->~T();
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
  }
  void pop_back() {
    ESP_PEER_BUG_IF(size_ == 0);
    slot(--size_)->~T();
  }
  void clear() {
    while (size_ != 0) pop_front();
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  T& operator[](std::size_t i) {
    ESP_PEER_BUG_IF(i >= size_);
    return *slot(i);
  }
  const T& operator[](std::size_t i) const {
    ESP_PEER_BUG_IF(i >= size_);
    return *slot(i);
  }

 private:
  T* slot(std::size_t i) const { return data_ + ((head_ + i) & (capacity_ - 1)); }
  bool grow() {
    const std::size_t grown = capacity_ == 0 ? 8 : capacity_ * 2;  // a power of two
    auto* fresh = static_cast<T*>(memory_->allocate(grown * sizeof(T)));
    if (!fresh) return false;
    for (std::size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(fresh + i)) T(std::move(*slot(i)));
      slot(i)->~T();
    }
    if (data_) memory_->release(data_, capacity_ * sizeof(T));
    data_ = fresh;
    capacity_ = grown;
    head_ = 0;
    return true;
  }

  Memory* memory_;
  T* data_ = nullptr;
  std::size_t head_ = 0, size_ = 0, capacity_ = 0;
};

// Up to N values in place.
template <class T, std::size_t N>
class FixedVector {
 public:
  // False when full.
  bool push_back(const T& value) {
    if (size_ == N) return false;
    items_[size_++] = value;
    return true;
  }
  void erase(std::size_t index) {
    ESP_PEER_BUG_IF(index >= size_);
    std::move(items_ + index + 1, items_ + size_, items_ + index);
    --size_;
  }
  void clear() { size_ = 0; }

  static constexpr std::size_t capacity() { return N; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) {
    ESP_PEER_BUG_IF(i >= size_);
    return items_[i];
  }
  const T& operator[](std::size_t i) const {
    ESP_PEER_BUG_IF(i >= size_);
    return items_[i];
  }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }

 private:
  T items_[N]{};
  std::size_t size_ = 0;
};

// Up to N characters in place.
template <std::size_t N>
class FixedString {
 public:
  FixedString() = default;
  // False, and unchanged, when the text is longer than N.
  bool assign(std::string_view text) {
    if (text.size() > N) return false;
    std::copy(text.begin(), text.end(), chars_);
    size_ = static_cast<std::uint16_t>(text.size());
    return true;
  }
  std::string_view view() const { return {chars_, size_}; }
  bool empty() const { return size_ == 0; }
  friend bool operator==(const FixedString& a, const FixedString& b) {
    return a.view() == b.view();
  }

 private:
  static_assert(N <= 0xFFFF);
  char chars_[N]{};
  std::uint16_t size_ = 0;
};

// One owned run of bytes, with a zero byte behind the last one that size() does not count: a
// received message may be read as a C string.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : memory_(other.memory_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  // Room for n bytes, zero-terminated, contents undefined. Empty() when no memory is left.
  static Buffer with_size(Memory& memory, std::size_t n);
  static Buffer copy_of(Memory& memory, Bytes from);
  // Gives up the tail; the memory is kept until the end.
  void shrink(std::size_t n) {
    if (n >= size_) return;
    size_ = n;
    data_[n] = std::byte{0};
  }

  // False when it owns nothing; an owned run may be empty.
  explicit operator bool() const { return data_ != nullptr; }
  std::size_t size() const { return size_; }
  MutableBytes bytes() { return {data_, size_}; }
  Bytes bytes() const { return {data_, size_}; }

 private:
  void release();

  Memory* memory_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace esp_peer
