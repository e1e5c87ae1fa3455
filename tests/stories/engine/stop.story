# Stopping ends the pods and the waiting, and still runs the exit handler.

workflow
    entrypoint: main
    onExit: bye
    templates:
    - name: main
      dag:
        tasks:
        - {name: a, template: work}
        - {name: b, template: work, dependencies: [a]}
        - {name: wait, template: wait}
    - name: wait
      suspend: {}
    - name: work
      retryStrategy: {limit: 5}
      container: {image: busybox}
    - name: bye
      container: {image: busybox, args: ["{{workflow.status}}", "{{workflow.failures}}"]}
----
workflow: new -> Running
wf: new -> Running
wf.a: new -> Running
wf.a(0): new -> Pending
wf.wait: new -> Pending
wf.wait: Pending -> Running
create wf-work-669262296

wf.a(0) runs
----
wf.a(0): Pending -> Running

stop
----
wf.a(0): Running -> Failed (workflow shutdown with strategy:  Stop)
wf.wait: Running -> Failed (Stopped with strategy 'Stop')
wf.a: Running -> Failed (Stopped with strategy 'Stop')
wf: Running -> Failed
wf.onExit: new -> Pending
create wf-bye-403321795 Failed "[{\"displayName\":\"wf\",\"message\":\"\",\"templateName\":\"main\",\"phase\":\"Failed\",\"podName\":\"wf\",\"finishedAt\":\"2023-11-14T22:13:20Z\"},{\"displayName\":\"a\",\"message\":\"Stopped with strategy 'Stop'\",\"templateName\":\"work\",\"phase\":\"Failed\",\"podName\":\"wf-work-2962115457\",\"finishedAt\":\"2023-11-14T22:13:20Z\"},{\"displayName\":\"a(0)\",\"message\":\"workflow shutdown with strategy:  Stop\",\"templateName\":\"work\",\"phase\":\"Failed\",\"podName\":\"wf-work-669262296\",\"finishedAt\":\"2023-11-14T22:13:20Z\"},{\"displayName\":\"wait\",\"message\":\"Stopped with strategy 'Stop'\",\"templateName\":\"wait\",\"phase\":\"Failed\",\"podName\":\"wf-wait-2129792639\",\"finishedAt\":\"2023-11-14T22:13:20Z\"}]"
delete wf-work-669262296

wf.onExit succeeds
----
wf.onExit: Pending -> Succeeded
workflow: Running -> Failed (Stopped with strategy 'Stop')

show status message
----
Stopped with strategy 'Stop'
