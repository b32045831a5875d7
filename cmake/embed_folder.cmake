# Writes each file SOURCE/*.SUFFIX as a row of the C table NAME of struct weir_embedded_text, by its name without the suffix:
#   cmake -DSOURCE=sql/reports -DSUFFIX=sql -DNAME=weir_report_texts -DHEADER=query/report_text.h -DOUTPUT=texts.c -P embed_folder.cmake
file(GLOB files ${SOURCE}/*.${SUFFIX})
list(SORT files)
set(rows "")
foreach(path IN LISTS files)
	get_filename_component(stem ${path} NAME_WE)
	# Brackets and semicolons have a meaning of their own in CMake's lists; a single string keeps them.
	file(READ ${path} text)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\t" "\\t" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t \"" text "${text}")
	string(APPEND rows "\t{\"${stem}\",\n\t \"${text}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "/* Made by cmake/embed_folder.cmake. */
#include \"${HEADER}\"

const struct weir_embedded_text ${NAME}[] = {
${rows}\t{NULL, NULL},
};
")
