# The library in both kinds, and its installation: headers, CMake package, pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY ESP_PEER_MODULES)
foreach(module IN LISTS modules)
  list(APPEND objects $<TARGET_OBJECTS:${module}>)
endforeach()

add_library(esp_peer SHARED ${objects})
add_library(esp_peer_static STATIC ${objects})
add_library(esp_peer::esp_peer ALIAS esp_peer)
add_library(esp_peer::esp_peer_static ALIAS esp_peer_static)
set_target_properties(esp_peer PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE CXX)
set_target_properties(esp_peer_static PROPERTIES OUTPUT_NAME esp_peer LINKER_LANGUAGE CXX)
# Only the C API leaves the shared library.
target_link_options(esp_peer PRIVATE
  -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/esp_peer.map)
set_target_properties(esp_peer PROPERTIES
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/esp_peer.map)
foreach(kind esp_peer esp_peer_static)
  target_link_libraries(${kind} PRIVATE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
  if(ESP_PEER_AUDIO)
    target_link_libraries(${kind} PRIVATE PkgConfig::libsrtp)
  endif()
  target_include_directories(${kind} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/esp_peer)
install(TARGETS esp_peer esp_peer_static EXPORT esp_peer
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/esp_peer.h include/esp_peer_types.h include/esp_peer_default.h
              include/esp_peer_ext.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/include/esp_peer/features.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/esp_peer)
install(EXPORT esp_peer NAMESPACE esp_peer:: FILE esp_peer-targets.cmake DESTINATION ${package_dir})
set(find_libsrtp "")
set(ESP_PEER_PC_SRTP "")
if(ESP_PEER_AUDIO)
  set(find_libsrtp "find_dependency(PkgConfig)
pkg_check_modules(libsrtp REQUIRED IMPORTED_TARGET libsrtp2>=2.3)
")
  set(ESP_PEER_PC_SRTP ", libsrtp2 >= 2.3")
endif()
file(WRITE ${PROJECT_BINARY_DIR}/esp_peer-config.cmake
"include(CMakeFindDependencyMacro)
find_dependency(OpenSSL 3.0)
find_dependency(Threads)
${find_libsrtp}include(\${CMAKE_CURRENT_LIST_DIR}/esp_peer-targets.cmake)
")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/esp_peer-config-version.cmake
                                 COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/esp_peer-config.cmake
              ${PROJECT_BINARY_DIR}/esp_peer-config-version.cmake DESTINATION ${package_dir})
# Two folders up from <libdir>/pkgconfig; <libdir> may itself have two parts.
file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/esp_peer.pc.in esp_peer.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/esp_peer.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
