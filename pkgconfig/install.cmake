# SPDX-License-Identifier: MIT
# The installed package: headers, both libraries, pkg-config and CMake files, manual pages, the commands
# `zio`, `zio-sim` and `zio-conformance` and what `zio-sim` preloads; and how it leaves.
include(CMakePackageConfigHelpers)

# Must stand before the other rules: it notes which folders the installation is about to make.
set(zio_folders ${CMAKE_INSTALL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_LIBDIR}/cmake/zio
    ${CMAKE_INSTALL_INCLUDEDIR}/zio ${CMAKE_INSTALL_DOCDIR} ${CMAKE_INSTALL_MANDIR}/man3)
if(TARGET zio_command)
    list(APPEND zio_folders ${CMAKE_INSTALL_BINDIR} ${CMAKE_INSTALL_MANDIR}/man1)
endif()
if(TARGET zio_sim_preload)
    list(APPEND zio_folders ${CMAKE_INSTALL_LIBDIR}/zio)
endif()
install(CODE "set(zio_folders \"${zio_folders}\")
set(zio_record \"${PROJECT_BINARY_DIR}/install_folders.txt\")
include(\"${PROJECT_SOURCE_DIR}/pkgconfig/folders.cmake\")")

install(TARGETS zio EXPORT zio
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS zio_static EXPORT zio
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The manual pages are made of the headers by a shell and awk, which every system has that has man.
find_program(ZIO_BASH bash)
find_program(ZIO_AWK awk)
mark_as_advanced(ZIO_BASH ZIO_AWK)
if(ZIO_BASH AND ZIO_AWK)
    file(GLOB zio_headers CONFIGURE_DEPENDS include/*.h include/zio/*.h)
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/man/made
        COMMAND ${ZIO_BASH} docs/man.sh ${PROJECT_BINARY_DIR}/man
        COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_BINARY_DIR}/man/made
        DEPENDS ${zio_headers} docs/man.sh docs/man.awk
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Making the manual pages" VERBATIM)
    add_custom_target(zio_man ALL DEPENDS ${PROJECT_BINARY_DIR}/man/made)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/man/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
endif()

if(TARGET zio_command)
    install(TARGETS zio_command zio_sim_command zio_conformance RUNTIME
        DESTINATION ${CMAKE_INSTALL_BINDIR})
    foreach(page zio zio-sim zio-conformance)
        install(FILES ${PROJECT_BINARY_DIR}/man/man1/${page}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    endforeach()
endif()
if(TARGET zio_sim_preload)
    install(TARGETS zio_sim_preload LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/zio)
endif()

install(EXPORT zio NAMESPACE zio:: FILE zio-targets.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/zio)
configure_package_config_file(pkgconfig/zio-config.cmake.in generated/zio-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/zio)
write_basic_package_version_file(generated/zio-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/generated/zio-config.cmake
    ${PROJECT_BINARY_DIR}/generated/zio-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/zio)

# The prefix is filled in when installing, because `cmake --install --prefix` may change it.
foreach(directory LIBDIR INCLUDEDIR)
    string(TOLOWER ${directory} name)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${directory}}")
        set(zio_pc_${name} "${CMAKE_INSTALL_${directory}}")
    else()
        set(zio_pc_${name} "\${prefix}/${CMAKE_INSTALL_${directory}}")
    endif()
endforeach()
list(TRANSFORM zio_private_libraries PREPEND "-l" OUTPUT_VARIABLE zio_pc_libs_private)
list(JOIN zio_pc_libs_private " " zio_pc_libs_private)
set(zio_prefix "@CMAKE_INSTALL_PREFIX@")
configure_file(pkgconfig/libzio.pc.in generated/libzio.pc.in @ONLY)
install(CODE "configure_file(\"${PROJECT_BINARY_DIR}/generated/libzio.pc.in\"
    \"${PROJECT_BINARY_DIR}/generated/libzio.pc\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/generated/libzio.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND} -D zio_build=${PROJECT_BINARY_DIR}
            -P ${PROJECT_SOURCE_DIR}/pkgconfig/uninstall.cmake
    COMMENT "Uninstalling what this build installed" VERBATIM)
