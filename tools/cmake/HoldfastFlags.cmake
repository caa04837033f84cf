# SPDX-License-Identifier: Apache-2.0
# One interface target with the flags every part of Holdfast is built with.
add_library(hf_flags INTERFACE)
target_compile_options(hf_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter
  -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(hf_flags INTERFACE _GNU_SOURCE HF_VERSION="${PROJECT_VERSION}"
  HF_RULES_DIR="${CMAKE_INSTALL_FULL_DATADIR}/holdfast/rules")
target_include_directories(hf_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/user/core)
if(HF_WERROR)
  target_compile_options(hf_flags INTERFACE -Werror)
endif()
if(HF_SANITIZE)
  target_compile_options(hf_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(hf_flags INTERFACE -fsanitize=address,undefined)
else()
  target_compile_definitions(hf_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
