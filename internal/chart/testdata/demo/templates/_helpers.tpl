{{- define "demo.unused" }}x{{ end }}
