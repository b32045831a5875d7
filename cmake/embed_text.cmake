# Writes the text file SOURCE as the C string NAME, declared in HEADER:
#   cmake -DSOURCE=data/exporters.tsv -DNAME=weir_exporters_table -DHEADER=cli/exporters_table.h -DOUTPUT=table.c -P embed_text.cmake
file(READ ${SOURCE} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\t" "\\t" text "${text}")
string(REPLACE "\n" "\\n\"\n\t\"" text "${text}")
file(WRITE ${OUTPUT} "/* Made by cmake/embed_text.cmake. */
#include \"${HEADER}\"

const char ${NAME}[] =
	\"${text}\";
")
