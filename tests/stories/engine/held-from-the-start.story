# A workflow that is submitted suspended is taken up, and waits.

workflow
    entrypoint: main
    suspend: true
    templates:
    - name: main
      container: {image: busybox}
----
workflow: new -> Running

continue
----
wf: new -> Pending
create wf
