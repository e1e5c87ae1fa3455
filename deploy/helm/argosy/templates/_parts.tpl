{{/* The name that all objects begin with: the release's, if it says what it is. */}}
{{- define "argosy.name" -}}
{{- if contains "argosy" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-argosy{{ end }}
{{- end }}

{{/* Labels of a part: (list $ "controller"); also what selects its pods. */}}
{{- define "argosy.labels" -}}
app.kubernetes.io/name: {{ include "argosy.name" (index . 0) }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "argosy.natsSecret" -}}
{{ .Values.nats.existingSecret | default (printf "%s-nats" (include "argosy.name" .)) }}
{{- end }}

{{- define "argosy.natsUrl" -}}
{{ .Values.nats.url | default (printf "nats://%s-nats:4222" (include "argosy.name" .)) }}
{{- end }}

{{- define "argosy.natsConfig" -}}
{{- $name := printf "%s-nats" (include "argosy.name" .) -}}
nats.conf: |
  server_name: $POD_NAME
  listen: 0.0.0.0:4222
  http: 0.0.0.0:8222
  max_payload: 8MB
  jetstream {
    store_dir: /data
    sync_interval: always
  }
  include ./cluster.conf
cluster.conf: |
  {{- if eq (int .Values.nats.replicas) 1 }}
  # a single server
  {{- else }}
  cluster {
    name: argosy
    listen: 0.0.0.0:6222
    routes: [
      {{- range until (int .Values.nats.replicas) }}
      nats://{{ $name }}-{{ . }}.{{ $name }}-peers:6222
      {{- end }}
    ]
  }
  lame_duck_grace_period: 5s
  lame_duck_duration: 30s
  {{- end }}
{{- end }}

{{/* "Role", or "ClusterRole" where the release looks after all namespaces. */}}
{{- define "argosy.role" -}}
{{ if .Values.namespaced }}Role{{ else }}ClusterRole{{ end }}
{{- end }}

{{/* Who is meant by a binding: (list $ "controller" "sensors"). */}}
{{- define "argosy.subjects" -}}
{{- $root := first . -}}
{{- range rest . }}
- {kind: ServiceAccount, name: {{ include "argosy.name" $root }}-{{ . }}, namespace: {{ $root.Release.Namespace }}}
{{- end }}
{{- end }}

{{/* A binding of a role to parts: (list $ "Role" "name" (list "controller")), in the namespace or in all of them. */}}
{{- define "argosy.binding" -}}
{{- $root := index . 0 -}}{{- $kind := index . 1 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ include "argosy.name" $root }}-{{ index . 2 }}
  {{- if eq $kind "Role" }}
  namespace: {{ $root.Release.Namespace }}
  {{- end }}
  labels: {{- include "argosy.labels" (list $root (index . 4)) | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ $kind }}, name: {{ include "argosy.name" $root }}-{{ index . 2 }}}
subjects: {{- include "argosy.subjects" (prepend (index . 3) $root) | nindent 2 }}
{{- end }}

{{- define "argosy.roleHead" -}}
{{- $root := index . 0 -}}{{- $kind := index . 1 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ include "argosy.name" $root }}-{{ index . 2 }}
  {{- if eq $kind "Role" }}
  namespace: {{ $root.Release.Namespace }}
  {{- end }}
  labels: {{- include "argosy.labels" (list $root (index . 3)) | nindent 4 }}
{{- end }}

{{- define "argosy.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
fsGroup: 65534
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "argosy.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where pods go: (list $ "controller"). */}}
{{- define "argosy.placing" -}}
{{- $root := index . 0 -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "argosy.labels" . | nindent 8 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A part that runs: its service account, Deployment and budget. Keys: root, part, args, ports, bus, webhooks. */}}
{{- define "argosy.part" -}}
{{- $root := .root -}}{{- $values := index $root.Values .part -}}{{- $name := printf "%s-%s" (include "argosy.name" $root) .part -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "argosy.labels" (list $root .part) | nindent 4 }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "argosy.labels" (list $root .part) | nindent 4 }}
spec:
  replicas: {{ $values.replicas }}
  {{- if .webhooks }}
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  {{- end }}
  selector:
    matchLabels: {{- include "argosy.labels" (list $root .part) | nindent 6 }}
  template:
    metadata:
      labels: {{- include "argosy.labels" (list $root .part) | nindent 8 }}
      {{- if and .bus (not $root.Values.nats.existingSecret) }}
      annotations:  # so that another address of the bus replaces the pods
        checksum/bus: {{ include "argosy.natsUrl" $root | sha256sum }}
      {{- end }}
    spec:
      serviceAccountName: {{ $name }}
      securityContext: {{- include "argosy.podSecurity" $root | nindent 8 }}
      {{- include "argosy.placing" (list $root .part) | nindent 6 }}
      containers:
        - name: argosy
          image: {{ $root.Values.image.repository }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
          {{- with $root.Values.image.pullPolicy }}
          imagePullPolicy: {{ . }}
          {{- end }}
          args:
            {{- range .args }}
            - {{ . }}
            {{- end }}
            {{- if $root.Values.namespaced }}
            - --namespace=$(NAMESPACE)
            {{- end }}
            {{- range $values.extraArgs }}
            - {{ . | quote }}
            {{- end }}
          env:
            {{- if eq .part "controller" }}
            - name: POD_NAME
              valueFrom:
                fieldRef: {fieldPath: metadata.name}
            {{- end }}
            {{- if or $root.Values.namespaced .webhooks }}
            - name: NAMESPACE
              valueFrom:
                fieldRef: {fieldPath: metadata.namespace}
            {{- end }}
            {{- if .bus }}
            - name: ARGOSY_NATS
              valueFrom:
                secretKeyRef: {name: {{ include "argosy.natsSecret" $root }}, key: url}
            - name: ARGOSY_STREAM_REPLICAS
              value: {{ $root.Values.nats.replicas | quote }}
            {{- end }}
            {{- if .webhooks }}
            {{- $port := int $root.Values.webhooks.service.port }}{{ $port = eq $port 80 | ternary "" (printf ":%d" $port) }}
            - name: ARGOSY_WEBHOOK_URL
              value: {{ $root.Values.webhooks.url | default (printf "http://%s-webhooks.$(NAMESPACE)%s" (include "argosy.name" $root) $port) }}
            {{- end }}
          ports:
            {{- if .webhooks }}
            - {name: webhooks, containerPort: 12000}
            {{- end }}
            - {name: health, containerPort: 8080}
          livenessProbe:
            httpGet: {path: /healthz, port: health}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: health}
            periodSeconds: 5
            timeoutSeconds: 3
          {{- if .webhooks }}
          lifecycle:
            preStop:  # until everybody knows that this pod is asked no more
              exec: {command: [sleep, "5"]}
          {{- end }}
          resources: {{- toYaml $values.resources | nindent 12 }}
          securityContext: {{- include "argosy.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: tmp
          emptyDir: {sizeLimit: 64Mi}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "argosy.labels" (list $root .part) | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "argosy.labels" (list $root .part) | nindent 6 }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "argosy.labels" (list $root .part) | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "argosy.labels" (list $root .part) | nindent 6 }}
  policyTypes: [Ingress]
  {{- if .webhooks }}
  ingress:
    - ports:
        - {port: webhooks, protocol: TCP}
  {{- else }}
  ingress: []
  {{- end }}
{{- end }}
