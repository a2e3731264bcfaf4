# SPDX-License-Identifier: MIT
# Runs at the start of an installation: records the folders that are missing now and will be ours,
# below DESTDIR, so that uninstall takes away exactly those and never a folder that stood before.
set(root "$ENV{DESTDIR}")
set(ours "")
if(EXISTS ${zio_record})
    file(STRINGS ${zio_record} ours)
endif()
foreach(folder ${zio_folders})
    cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})
    while(NOT EXISTS "${root}${folder}" AND NOT folder STREQUAL "/")
        list(APPEND ours "${root}${folder}")
        cmake_path(GET folder PARENT_PATH folder)
    endwhile()
endforeach()
list(REMOVE_DUPLICATES ours)
list(JOIN ours "\n" ours)
file(WRITE ${zio_record} "${ours}\n")
