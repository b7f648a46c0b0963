#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cppcheck over both processes. An exception stands at its line, with its reason.
cd "$1" || exit 2
exec cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --platform=unix64 -j2 \
	--enable=warning,performance,portability -D__linux__ -D__x86_64__ -D_GNU_SOURCE -DLB_VERSION='"0"' \
	--suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression --suppress=unknownMacro \
	--suppress=preprocessorErrorDirective --suppress=syntaxError:*.bpf.c --suppress=normalCheckLevelMaxBranches \
	-Iinclude -Idataplane -Icontrolplane dataplane controlplane
